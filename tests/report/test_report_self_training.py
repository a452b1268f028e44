"""What the report says of recordings without labels."""

import pytest
from read import made, values
from reported import write_json

from voicegraft.pipeline.tables import write_rows

CHANGE = {"old": 0.3, "new": 0.25, "change": -0.05, "low": -0.08, "high": -0.02, "clips": 9}
BETTER = CHANGE | {"verdict": "better"}
PLOT = "CER of the pseudo-labels of head, by confidence"


def taught(project, kept="student", rolled_back=False):
    """Leave what a student of `head` gained, and read the page."""
    folder = project / "evaluation/self_training/head"
    sides = {side: {"teacher": {"cer": BETTER, "wer": BETTER}} for side in ("dev", "test")}
    facts = {"labelled_minutes": 10.06, "unlabelled_minutes": 54.6}
    write_json(folder / "metrics.json", sides | facts | {"kept": kept, "rolled_back": rolled_back})
    rows = [("dev", 0.6, 0.5, 15), ("dev", 0.9, 0.2, 15), ("unlabelled", 0.7, 0.4, 80)]
    write_rows(folder / "confidence.csv", ("split", "confidence", "error", "clips"), rows)
    return made(project)


@pytest.fixture
def page_of(project):
    return taught(project)


def test_what_the_student_gained_stands_for_each_side_and_rate(page_of):
    for side in ("dev", "test"):
        for rate in ("CER", "WER"):
            assert f"teacher {side} {rate} 30.0 25.0 -5.0 (-8.0 to -2.0) better" in page_of.text


def test_the_minutes_and_the_model_that_is_kept_are_reported(page_of):
    assert "head was trained on 10 min with labels, and then also on 55 min without" in page_of.text
    assert "Kept: student ." in page_of.text and "ROLLED BACK" not in page_of.text


def test_a_student_that_was_rolled_back_is_called_so(project):
    assert "Kept: teacher , ROLLED BACK" in taught(project, "teacher", rolled_back=True).text


def test_the_errors_of_the_teacher_are_drawn_by_how_sure_it_was(page_of):
    rows = values(page_of.plots[PLOT])
    assert [(row["confidence"], row["value"]) for row in rows if row["series"] == "dev"] == [
        (0.6, 0.5),
        (0.9, 0.2),
    ]
    assert {row["series"] for row in rows} == {"dev", "unlabelled"}


def test_where_nothing_taught_itself_the_page_says_how_it_can(page):
    assert "dvc repro studies/dvc.yaml:self_train tries" in page.text
    assert PLOT not in page.plots
