"""What the report shows of unseen speakers."""

from itertools import product

from read import made, values

from voicegraft.pipeline.tables import write_rows

RATES = ("accuracy", "macro_f1")
COLUMNS = (*("adaptation", "speaker"), *(f"{r}{e}" for r in RATES for e in ("", "_low", "_high")))
ACCURACY = "Accuracy by left-out speaker"


def drawn(project):
    """Leave the rates of two voices and of both, with three adaptations; return the plots."""
    places = enumerate(product(("none", "normalised", "self-trained"), ("", "ben", "ann")))
    rows = [
        (adaptation, speaker, *[0.1 * n + 0.1, 0.1 * n, 0.1 * n + 0.2] * 2, 50)
        for n, (adaptation, speaker) in places
    ]
    path = project / "evaluation/leave_speakers_out.csv"
    write_rows(path, (*COLUMNS, "clips"), rows)
    return made(project).plots


def test_all_voices_stand_before_each_and_each_has_every_adaptation(project):
    rows = values(drawn(project)[ACCURACY])
    assert list(dict.fromkeys(row["group"] for row in rows)) == ["all", "ann", "ben"]
    series = {"no adaptation", "normalised", "and self-trained"}
    assert all(
        {row["series"] for row in rows if row["group"] == g} == series for g in ("all", "ann")
    )
    found = [row["value"] for row in rows if (row["group"], row["series"]) == ("ben", "normalised")]
    assert found == [0.1 * 4 + 0.1]


def test_both_rates_are_drawn(project):
    assert {ACCURACY, ACCURACY.replace("Accuracy", "Macro-F1")} <= drawn(project).keys()


def test_without_voices_left_out_the_page_says_how_to_leave_them_out(page):
    assert "run dvc repro studies/dvc.yaml:leave_speakers_out" in page.text
