"""What the report says of what a project gives away."""

from read import made
from reported import write_json

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
