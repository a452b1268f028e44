"""What the report says of what a project gives away."""

from read import layers, made
from reported import write_json

from voicegraft.pipeline.tables import write_records
from voicegraft.privacy.curve import FILE, Point

VERDICTS = {
    "language model": ["leaks content", "a sentence <b>once</b> has 9 bits"],
    "model:head": ["no evidence of leakage", "AUC 0.51"],
    "unheard of": ["leaks content", "it is no thing that one publishes"],
}


def test_without_an_audit_the_page_says_how_to_make_one(page):
    assert "Not measured: dvc repro studies/dvc.yaml:privacy attacks models" in page.text


def test_each_verdict_has_its_line_models_first_and_evidence_is_escaped(project):
    write_json(project / "evaluation/privacy.json", {"verdicts": VERDICTS})
    page = made(project)
    assert (
        "model:head no evidence of leakage AUC 0.51 "
        "language model leaks content a sentence <b>once</b> has 9 bits"
    ) in page.text
    assert "<b>once" not in page.html and "unheard of" not in page.text


def test_what_an_attacker_finds_is_drawn_by_false_positives_with_chance_dashed(project):
    write_json(project / "evaluation/privacy.json", {"verdicts": VERDICTS})
    curve = [
        Point(model, rate, 0.4, 0.3, 0.5) for model in ("head", "top3") for rate in (0.01, 0.1)
    ]
    write_records(project / "evaluation" / FILE, Point, curve)
    spec = made(project).plots["Clips of train that an attacker finds"]
    *_, chance = spec["layer"]
    assert chance["mark"]["strokeDash"]
    rows = [row for layer in layers(spec) for row in layer]
    drawn = {(row["series"], row["false_positives"]) for row in rows if "series" in row}
    assert drawn == {(point.model, point.false_positives) for point in curve}
    assert {row["chance"] for row in rows if "chance" in row} == {0.01, 0.1}


def test_an_audit_without_a_curve_has_its_verdicts_alone(project):
    write_json(project / "evaluation/privacy.json", {"verdicts": VERDICTS})
    assert "Clips of train that an attacker finds" not in made(project).plots
