"""What the report says of few clips of each class, and of clips of none."""

import json

from class_tables import layers, lines, rate_cell
from read import made, values
from reported_classes import write_unknown


def test_few_clips_of_each_class_are_set_against_the_model_that_has_all(finished, page):
    *_, across = layers(page.plots["Accuracy by clips of each class"])
    rows = layers(page.plots["Accuracy by clips of each class"])[0]
    assert [(row["shots"], row["value"]) for row in rows] == [(1, 0.4), (5, 0.6), (10, 0.7)]
    test = json.loads((finished / "evaluation/head/rates.json").read_text())["test"]
    assert across == [{"series": "test", "all": test["accuracy"]}]
    assert "Macro-F1 by clips of each class" in page.plots


def test_where_few_clips_were_not_tried_the_page_says_how_to_try_them(project):
    (project / "evaluation/few_shot.csv").unlink()
    assert "run dvc repro studies/dvc.yaml:few_shot" in made(project).text


def test_classes_that_were_left_out_stand_in_a_plot_and_a_table(page):
    rows = values_of(page, "Equal error rate with each class left out in turn")
    assert [(r["group"], r["series"], r["value"]) for r in rows] == [
        *(("probability", "dev", 0.3), ("probability", "test", 0.3)),
        *(("cosine", "dev", 0.1), ("cosine", "test", 0.1)),
    ]
    assert "cosine test 10.0 (5.0–15.0) 50.0 (40.0–60.0) 1.0 (0.0–2.0) 24" in page.text


def values_of(page, title):
    return layers(page.plots[title])[0]


def test_clips_of_no_class_show_what_the_threshold_of_dev_lets_pass(project):
    write_unknown(project)
    page = made(project)
    found = json.loads((project / "evaluation/head/rates.json").read_text())["test"]["open_set"]
    rates = " ".join(
        rate_cell(found, r) for r in ("accuracy", "false_accept_rate", "equal_error_rate")
    )
    assert f"head test {found['threshold']:.4f} {rates} 180, 60" in page.text
    rows = values(page.plots["Accuracy on known clips of test, by false accept rate"])
    curve = lines(project / "evaluation/head/open_set.csv")
    assert [(r["false_accept_rate"], r["accuracy"]) for r in rows] == [
        (float(line["false_accept_rate"]), float(line["accuracy"])) for line in curve
    ]


def test_where_nothing_was_refused_the_page_says_how_to_find_out(project):
    (project / "evaluation/leave_classes_out.csv").unlink()
    text = made(project).text
    assert "evaluate.unknown_labels in params.yaml" in text
    assert "dvc repro studies/dvc.yaml:leave_classes_out makes each class unknown" in text
