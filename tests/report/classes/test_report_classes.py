"""What the report says of classifiers: their scores, classes and calibration."""

import json
from collections import Counter

import pytest
from class_tables import layers, lines, rate_cell
from read import made, values
from reported import write_robustness
from reported_classes import RIGHT, write_class_transfer


def test_models_are_in_order_of_their_accuracy_with_macro_f1_beside_it(finished, page):
    metrics = {m: json.loads((finished / f"evaluation/{m}/rates.json").read_text()) for m in RIGHT}
    rows = [
        f"{model} {role} {rate_cell(metrics[model]['test'], 'accuracy')} "
        f"{rate_cell(metrics[model]['test'], 'macro_f1')}"
        for model, role in (("head", "grafted"), ("log_mel", "control"), ("mfcc", "control"))
    ]
    assert " ".join(rows) in page.text
    assert (
        "Always predicting the most frequent of its 4 classes has an accuracy of 25.0 %"
        in page.text
    )
    assert {"Accuracy", "Macro-F1"} <= page.plots.keys()
    assert "CER" not in page.text


def test_every_class_has_its_precision_recall_and_f1(finished, page):
    for line in lines(finished / "evaluation/head/classes.csv"):
        rates = {key: float(line[key]) for key in ("recall", "recall_low", "recall_high")}
        f1 = 100 * float(line["f1"])
        cells = f"{100 * float(line['precision']):.1f} {rate_cell(rates, 'recall')} {f1:.1f}"
        assert f"{line['class']} {cells} {line['clips']} {line['predicted']}" in page.text


def test_a_class_that_no_model_was_trained_on_is_marked(project):
    table = project / "evaluation/head/classes.csv"
    first, *rest = table.read_text().splitlines()[1:]
    header = table.read_text().splitlines()[0]
    table.write_text("\n".join([header, first[:-1] + "0", *rest, ""]))
    assert made(project).text.count("(not in train)") == 1


def test_a_confusion_matrix_counts_every_clip_and_its_rows_add_up_to_one(finished, page):
    rows = layers(page.plots["Confusion matrix of mfcc on test"])[0]
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
    test = json.loads((finished / "evaluation/head/rates.json").read_text())["test"]
    chance = 100 * test["calibration_error_by_chance"]
    assert (
        f"head test {rate_cell(test, 'calibration_error')} {chance:.1f} {test['log_loss']:.3f}"
        in (page.text)
    )


def test_the_verdict_goes_by_the_error_rate_and_harm_is_a_red_banner(project):
    write_class_transfer(project, "transfer helps", 0.5)
    page = made(project)
    assert "head: transfer helps , against log_mel" in page.text
    assert "head log_mel test transfer helps 20.0 40.0 +50.0 (+40.0 to +60.0) 16" in page.text
    write_class_transfer(project, "NEGATIVE TRANSFER", -0.5)
    page = made(project)
    assert page.all("div", role="alert")
    assert "error rate 60.0 against 40.0 of log_mel : +50.0 % (+40.0 to +60.0)" in page.text


def test_degraded_recordings_are_reported_with_the_error_rate(project):
    assert "dvc repro studies/dvc.yaml:robustness@head has the head tried" in made(project).text
    write_robustness(project, "head", 0.1, "error_rate")
    assert "Error rate on test in noise: white" in made(project).plots


def test_what_was_fitted_at_once_has_no_learning_curve(project):
    point = project / "evaluation/head/curves/plots/metrics/dev/error.tsv"
    point.parent.mkdir(parents=True)
    point.write_text("step\terror\n0\t0.5\n")
    assert "for models trained in epochs: mlp and recipes" in made(project).text
    point.write_text("step\terror\n0\t0.5\n1\t0.25\n")
    rows = values(made(project).plots["Error rate on dev"])
    assert [row["value"] for row in rows] == [0.5, 0.25]
