"""Files of evaluation/ from before the pipeline changed are left out, and the page reports it."""

import json

import pytest
from read import made
from reported import against, write_json, write_labels, write_robustness, write_transfer

from voicegraft.report.findings import Findings, FindingsError
from voicegraft.report.transfer import read_transfer

OF = {"corpus": "c", "settings": "s"}
MODELS = {
    "head": {"model": "h", "upstream": "u", "training": "t"},
    "top3": {"model": "f", "head": "h"},
    "zero_shot": {"upstream": "u"},
    "log_mel": {"model": "l", "control": "l", "training": "t"},
}


def name(project, path, of):
    """Let a file of JSON in evaluation/ say what it is of."""
    file = project / "evaluation" / path
    lines = [f"{part}:{value}" for part, value in of.items()]
    write_json(file, json.loads(file.read_text()) | {"of": lines})


@pytest.fixture
def named(project):
    """A project all of whose evaluations are of what it holds."""
    name(project, "corpus.json", {"corpus": "c"})
    for model, of in MODELS.items():
        name(project, f"{model}/rates.json", OF | of)
    return project


def test_what_is_of_the_corpus_and_head_of_now_is_all_shown(named):
    assert Findings(named).old == {}
    assert Findings(named).models == sorted(MODELS)
    assert "Left out" not in made(named).text


@pytest.mark.parametrize(
    ("model", "of", "why"),
    [
        ("top3", {}, "it has no provenance"),
        ("top3", OF | MODELS["top3"] | {"corpus": "x"}, "it is of another corpus"),
        ("top3", OF | MODELS["top3"] | {"head": "x"}, "it began from another head"),
        ("zero_shot", OF | {"upstream": "x"}, "it is of another upstream than the head"),
        ("log_mel", OF | {"training": "x"}, "it was trained by other knobs than the head"),
    ],
)
def test_an_old_model_is_in_no_table_and_no_plot_and_the_page_says_why(named, model, of, why):
    name(named, f"{model}/rates.json", of)
    page = made(named)
    assert f"evaluation/{model}/rates.json : {why}" in page.text
    assert f'<th scope="row">{model}</th>' not in page.html
    assert '<th scope="row">head</th>' in page.html
    assert model not in str(page.plots)
    assert model not in {row.get("data-model") for row in page.all("tr")}


def test_tests_of_a_model_that_is_gone_are_left_out_and_those_of_this_one_are_not(named):
    write_robustness(named, "head", 0.2)
    table = named / "evaluation/head/robustness.csv"
    plain = table.read_text().splitlines()
    for model, shown in (("h", True), ("x", False)):
        rows = [f"{line},corpus:c model:{model} settings:s" for line in plain[1:]]
        table.write_text("\n".join([f"{plain[0]},of", *rows, ""]))
        assert bool(Findings(named).robustness("head")) is shown


def test_what_fine_tuning_cost_may_be_measured_on_the_corpus_of_another_project(named):
    write_json(named / "evaluation/top3/forgetting.json", {"weights_changed": 0})
    for model, shown in (("f", True), ("x", False)):
        name(named, "top3/forgetting.json", {"model": model})
        assert bool(Findings(named).forgetting("top3")) is shown


def test_learning_curves_of_another_corpus_are_left_out(named):
    write_labels(named, 10.0, 8.0, 12.0)
    name(named, "learning_curve/log_mel/metrics.json", OF | {"upstream": "u", "training": "t"})
    (found,) = Findings(named).labels()
    assert "of" not in found[2]
    name(named, "learning_curve/log_mel/metrics.json", OF | {"corpus": "x"})
    assert list(Findings(named).labels()) == []


def test_a_table_of_shots_without_a_line_is_not_called_old(named):
    table = named / "evaluation/few_shot.csv"
    table.write_text("split,shots\n")
    assert Findings(named).old == {}
    table.write_text("split,shots\ntest,1\n")
    assert list(Findings(named).old) == ["evaluation/few_shot.csv"]


def test_a_verdict_on_a_model_or_a_control_that_is_gone_is_not_shown(named):
    write_transfer(named, "transfer helps", 0.5)
    found = json.loads((named / "evaluation/transfer.json").read_text())
    lines = [f"{part}:{value}" for part, value in (OF | MODELS["head"]).items()]
    write_json(named / "evaluation/transfer.json", {"head": found["head"] | {"of": lines}})
    assert "transfer helps" in made(named).text
    name(named, "log_mel/rates.json", OF | {"corpus": "x"})
    assert "transfer helps" not in made(named).text


def test_a_comparison_with_a_control_that_is_gone_is_left_out_of_the_verdict(named):
    lines = [f"{part}:{value}" for part, value in (OF | MODELS["head"]).items()]
    whole = [against(0.5, "transfer helps", control=c) for c in ("log_mel", "zero_shot")]
    head = {"verdict": "transfer helps", "best_control": "log_mel", "comparisons": whole}
    write_json(named / "evaluation/transfer.json", {"head": head | {"of": lines}})
    assert [line.control for line in read_transfer(Findings(named)).lines] == [
        *("log_mel", "zero_shot")
    ]
    name(named, "zero_shot/rates.json", OF | {"upstream": "x"})
    assert [line.control for line in read_transfer(Findings(named)).lines] == ["log_mel"]


def test_where_nothing_was_scored_on_the_corpus_there_is_nothing_to_report(named):
    name(named, "corpus.json", {"corpus": "own"})
    with pytest.raises(FindingsError, match="no scores on the corpus of"):
        Findings(named)


def test_a_project_from_before_there_were_such_lines_is_shown_as_it_was(project):
    assert Findings(project).old == {}
    assert Findings(project).models == sorted(MODELS)
