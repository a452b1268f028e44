"""What the report says of classifiers: their scores, classes, calibration, and refusals."""

import csv
import json
import shutil
from collections import Counter

import pytest
from read import Page, made, values
from reported import write_robustness
from reported_classes import RIGHT, write_class_project, write_class_transfer, write_unknown

from voicegraft.report.findings import Findings
from voicegraft.report.page import rendered


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return write_class_project(tmp_path_factory.mktemp("words"))


@pytest.fixture(scope="module")
def page(finished):
    return Page(rendered(Findings(finished), 3))


@pytest.fixture
def project(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "words")


def told(rates, name):
    value, low, high = (100 * rates[f"{name}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.1f} ({low:.1f}–{high:.1f})"


def lines(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def layers(spec):
    """Return the rows of each layer of a plot: of its own, or of the plot."""
    found = [layer.get("data", spec.get("data")) for layer in spec["layer"]]
    return [spec["datasets"][data["name"]] if "name" in data else data["values"] for data in found]


def test_models_are_in_order_of_their_accuracy_with_macro_f1_beside_it(finished, page):
    metrics = {
        m: json.loads((finished / f"evaluation/{m}/metrics.json").read_text()) for m in RIGHT
    }
    rows = [
        f"{model} {role} {told(metrics[model]['test'], 'accuracy')} "
        f"{told(metrics[model]['test'], 'macro_f1')}"
        for model, role in (("head", "grafted"), ("log_mel", "control"), ("mfcc", "control"))
    ]
    assert " ".join(rows) in page.text
    assert "Whoever always gives the commonest of its 4 classes is right in 25.0 %" in page.text
    assert {"Accuracy", "Macro-F1"} <= page.plots.keys()
    assert "CER" not in page.text


def test_every_class_has_its_precision_recall_and_f1(finished, page):
    for line in lines(finished / "evaluation/head/classes.csv"):
        rates = {key: float(line[key]) for key in ("recall", "recall_low", "recall_high")}
        f1 = 100 * float(line["f1"])
        cells = f"{100 * float(line['precision']):.1f} {told(rates, 'recall')} {f1:.1f}"
        assert f"{line['class']} {cells} {line['clips']} {line['predicted']}" in page.text


def test_a_class_that_no_model_was_trained_on_is_marked(project):
    table = project / "evaluation/head/classes.csv"
    first, *rest = table.read_text().splitlines()[1:]
    header = table.read_text().splitlines()[0]
    table.write_text("\n".join([header, first[:-1] + "0", *rest, ""]))
    assert made(project).text.count("(never trained on)") == 1


def test_a_confusion_matrix_counts_every_clip_and_its_rows_add_up_to_one(finished, page):
    rows = layers(page.plots["What mfcc takes for what on test"])[0]
    scored = lines(finished / "evaluation/mfcc/utterances.csv")
    counts = Counter((s["label"], s["predicted"]) for s in scored)
    assert {(r["actual"], r["predicted"]): r["count"] for r in rows} == counts
    for label in {r["actual"] for r in rows}:
        shares = sum(r["share"] for r in rows if r["actual"] == label)
        assert shares == pytest.approx(1, abs=1e-3)


def test_accuracy_by_confidence_stands_beside_the_line_of_a_perfect_model(finished, page):
    same, _, points = layers(page.plots["Accuracy by confidence on test"])
    assert same == [{"at": 0}, {"at": 1}]
    told_of_head = [r for r in points if r["series"] == "head"]
    table = lines(finished / "evaluation/head/calibration.csv")
    assert [(r["confidence"], r["value"]) for r in told_of_head] == [
        (float(line["confidence"]), float(line["accuracy"])) for line in table
    ]
    test = json.loads((finished / "evaluation/head/metrics.json").read_text())["test"]
    chance = 100 * test["calibration_error_by_chance"]
    assert f"head test {told(test, 'calibration_error')} {chance:.1f} {test['log_loss']:.3f}" in (
        page.text
    )


def test_few_clips_of_each_class_are_set_against_the_model_that_has_all(finished, page):
    *_, across = layers(page.plots["Accuracy by clips of each class"])
    rows = layers(page.plots["Accuracy by clips of each class"])[0]
    assert [(row["shots"], row["value"]) for row in rows] == [(1, 0.4), (5, 0.6), (10, 0.7)]
    test = json.loads((finished / "evaluation/head/metrics.json").read_text())["test"]
    assert across == [{"series": "test", "all": test["accuracy"]}]
    assert "Macro-F1 by clips of each class" in page.plots


def test_where_few_clips_were_not_tried_the_page_says_how_to_try_them(project):
    (project / "evaluation/few_shot.csv").unlink()
    assert "run dvc repro few_shot" in made(project).text


def test_classes_that_were_left_out_stand_in_a_plot_and_a_table(page):
    rows = values_of(page, "Equal error rate, each class being unknown in turn")
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
    found = json.loads((project / "evaluation/head/metrics.json").read_text())["test"]["open_set"]
    rates = " ".join(told(found, r) for r in ("accuracy", "false_accept_rate", "equal_error_rate"))
    assert f"head test {found['threshold']:.4f} {rates} 180, 60" in page.text
    rows = values(page.plots["Known clips found on test, by what else is accepted"])
    curve = lines(project / "evaluation/head/open_set.csv")
    assert [(r["false_accept_rate"], r["accuracy"]) for r in rows] == [
        (float(line["false_accept_rate"]), float(line["accuracy"])) for line in curve
    ]


def test_where_nothing_was_refused_the_page_says_how_to_find_out(project):
    (project / "evaluation/leave_classes_out.csv").unlink()
    text = made(project).text
    assert "open_set.unknown_labels in params.yaml" in text
    assert "dvc repro leave_classes_out makes each class unknown in turn" in text


def test_the_verdict_goes_by_the_error_rate_and_harm_is_a_red_banner(project):
    write_class_transfer(project, "transfer helps", 0.5)
    page = made(project)
    assert "head: transfer helps , against log_mel" in page.text
    assert "head log_mel test transfer helps 20.0 40.0 +50.0 (+40.0 to +60.0) 16" in page.text
    write_class_transfer(project, "NEGATIVE TRANSFER", -0.5)
    page = made(project)
    assert page.all("div", role="alert")
    assert "error rate 60.0 against 40.0 of log_mel : +50.0 % (+40.0 to +60.0)" in page.text


def test_worse_recordings_are_told_by_the_error_rate(project):
    assert "robustness.models: [head] in params.yaml" in made(project).text
    write_robustness(project, "head", 0.1, "error_rate")
    assert "Error rate on test in noise: white" in made(project).plots


def test_what_was_fitted_at_once_has_no_learning_curve(project):
    point = project / "evaluation/head/curves/plots/metrics/dev/error.tsv"
    point.parent.mkdir(parents=True)
    point.write_text("step\terror\n0\t0.5\n")
    assert "of what is trained in epochs: mlp and recipes" in made(project).text
    point.write_text("step\terror\n0\t0.5\n1\t0.25\n")
    rows = values(made(project).plots["Error rate on dev"])
    assert [row["value"] for row in rows] == [0.5, 0.25]
