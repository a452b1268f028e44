"""What the report says of what pretraining gave, and of the labels it spared."""

import json
import re

import pytest
from read import made, values
from reported import against, write_json, write_labels, write_transfer

from voicegraft.report.findings import FindingsError


def test_negative_transfer_is_a_red_banner_before_anything_else(project):
    write_transfer(project, "NEGATIVE TRANSFER", gain=-0.3)
    page = made(project)
    (banner,) = page.all("div", role="alert")
    assert "negative" in banner["class"]
    assert page.text.index("NEGATIVE TRANSFER") < page.text.index("Scores")
    assert "CER 52.0 against 40.0 of log_mel : +30.0 % (+20.0 to +40.0)" in page.text
    assert re.search(r"\.verdict\.negative \{[^}]*background: var\(--bad\)", page.html)


@pytest.mark.parametrize("verdict", ["transfer helps", "no evidence"])
def test_another_verdict_has_no_banner(project, verdict):
    write_transfer(project, verdict, gain=0.3)
    page = made(project)
    assert page.all("div", role="alert") == []
    assert f"head: {verdict} , against log_mel" in page.text


def test_a_negative_verdict_has_its_numbers_though_no_side_alone_is_negative(project):
    write_transfer(project, "no evidence", gain=-0.1)
    path = project / "evaluation/transfer.json"
    path.write_text(path.read_text().replace("no evidence", "NEGATIVE TRANSFER", 1))
    page = made(project)
    assert len(page.all("div", role="alert")) == 1
    assert "CER 44.0 against 40.0 of log_mel" in page.text


def test_harm_on_one_side_raises_the_banner_though_the_verdict_is_another(project):
    write_transfer(project, "transfer helps", gain=0.3)
    path = project / "evaluation/transfer.json"
    found = json.loads(path.read_text())
    found["head"]["comparisons"].append(against(-0.2, "NEGATIVE TRANSFER", split="unseen"))
    write_json(path, found)
    (banner,) = made(project).all("div", role="alert")
    assert "negative" in banner["class"]


def test_harm_to_a_slice_stands_in_the_table(project):
    write_transfer(project, "transfer helps", gain=0.3, slice_verdict="NEGATIVE TRANSFER")
    page = made(project)
    assert page.all("div", role="alert") == []
    assert "the best control; but NEGATIVE on test, seconds 0-0.5" in page.text
    assert "log_mel test, seconds 0-0.5" in page.text
    assert len(page.all("tr", **{"class": "negative"})) == 1


def test_without_a_control_the_page_says_how_to_get_one(page):
    assert "Transfer was not measured" in page.text
    assert "transfer.controls: [log_mel]" in page.text


def test_a_damaged_transfer_file_is_named(project):
    write_json(project / "evaluation/transfer.json", {"head": {"verdict": "transfer helps"}})
    with pytest.raises(
        FindingsError, match=r"transfer\.json: it lacks 'comparisons'; run `dvc repro"
    ):
        made(project)


def test_the_minutes_that_a_transfer_spares_stand_by_both_curves(project):
    write_labels(project, minutes=4.25, low=3.5, high=None)
    page = made(project)
    assert "With 4.2 minutes of labelled speech (3.5 to more than was tried)" in page.text
    assert "as log_mel with all of its 60 minutes: CER 55.0 %. It spares 56 minutes" in page.text
    rows = values(page.plots["CER on test by labelled speech: head and log_mel"])
    assert [row["minutes"] for row in rows if row["series"] == "log_mel (control)"] == [1, 10, 60]
    assert all(row["low"] < row["value"] < row["high"] for row in rows)


def test_what_the_least_speech_reaches_already_is_called_an_upper_bound(project):
    write_labels(project, minutes=1.0, low=1.0, high=1.0)
    assert "At most 1.0 minutes of labelled speech (1.0 to 1.0)" in made(project).text


def test_a_head_that_never_gets_as_good_is_reported_to_spare_nothing(project):
    write_labels(project, minutes=None, low=None, high=None)
    assert "is the head as good as log_mel , whose CER with all" in made(project).text


def test_where_no_curve_was_drawn_the_page_says_how_to_draw_one(page):
    assert "dvc repro studies/dvc.yaml:learning_curve@log_mel draws it" in page.text
