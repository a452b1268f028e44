"""What evaluations say that they are of, and which of them are left out for it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from committed import begin, commit
from scored import PARAMS, scores

from voicegraft.evaluation.current import Current
from voicegraft.evaluation.scores import write_scores
from voicegraft.pipeline.packed import PackedWriter
from voicegraft.pipeline.provenance import cell, named, parse, provenance, remember
from voicegraft.review import comparison, markdown
from voicegraft.review.revisions import Revision, RevisionError
from voicegraft.speech.manifest import Utterance, write_manifest

ROOT = Path(__file__).parent.parent
SETTINGS = "0" * 16


def write_corpus(folder, text="to je", sample=7):
    folder.mkdir(parents=True, exist_ok=True)
    with PackedWriter(folder / "audio.npy", np.int16) as audio:
        audio.append(np.full(1_600, sample, np.int16))
    write_manifest(folder / "manifest.csv", [Utterance("c", "test", "", "", 0, 1_600, text)])
    return folder


def write_model(folder, content=b"weights"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(content)
    return folder


def test_another_text_and_another_sample_make_another_corpus_and_a_copy_does_not(tmp_path):
    first = provenance(corpus=write_corpus(tmp_path / "a"))
    assert provenance(corpus=shutil.copytree(tmp_path / "a", tmp_path / "copy")) == first
    (tmp_path / "copy/rejects.csv").write_text("/home/someone/x.wav")
    assert provenance(corpus=tmp_path / "copy") == first
    assert provenance(corpus=write_corpus(tmp_path / "b", text="to já")) != first
    assert provenance(corpus=write_corpus(tmp_path / "c", sample=8)) != first


def test_what_a_model_was_made_of_is_named_with_it(tmp_path):
    upstream, model = write_model(tmp_path / "upstream"), write_model(tmp_path / "model", b"head")
    alone = parse(provenance(model=model))
    remember(model, upstream=upstream, training=PARAMS)
    of = parse(provenance(model=model, settings=PARAMS))
    assert set(of) == {"model", "settings", "upstream", "training"}
    assert of["upstream"] == parse(provenance(upstream=upstream))["upstream"]
    assert of["settings"] == of["training"] and of["model"] != alone["model"]
    assert parse(cell(provenance(model=model))) == parse(provenance(model=model))


def test_each_knob_changes_the_settings():
    kept = provenance(settings=PARAMS)
    for knob, value in {"seed": 9, "confidence": 0.9, "resamples": 3_000}.items():
        assert provenance(settings=PARAMS.model_copy(update={knob: value})) != kept
    assert provenance(settings=[PARAMS]) == kept


def test_a_hash_of_64_bits_is_all_that_is_written_of_a_corpus(tmp_path):
    (line,) = provenance(corpus=write_corpus(tmp_path / "a", text="tajná věta"))
    name, _, value = line.partition(":")
    assert (name, len(value), int(value, 16) < 2**64) == ("corpus", 16, True)


HEAD = {"corpus": "c", "model": "h", "settings": "s", "upstream": "u", "training": "t"}


@pytest.mark.parametrize(
    ("of", "why"),
    [
        ({}, "no provenance"),
        (HEAD | {"corpus": "x"}, "another corpus"),
        ({"corpus": "c", "model": "f", "settings": "s", "head": "h"}, ""),
        ({"corpus": "c", "model": "f", "settings": "s", "head": "x"}, "another head"),
        ({"corpus": "c", "model": "f", "settings": "x", "head": "h"}, "other settings"),
        ({"corpus": "c", "settings": "s", "upstream": "u"}, ""),
        ({"corpus": "c", "settings": "s", "upstream": "x"}, "another upstream"),
        ({"corpus": "c", "model": "r", "settings": "s", "control": "r", "training": "t"}, ""),
        ({"corpus": "c", "model": "r", "control": "r", "training": "x"}, "other knobs"),
    ],
)
def test_what_is_of_another_corpus_or_made_unlike_the_head_is_outdated_with_a_reason(of, why):
    found = Current("c", HEAD).why_old(of)
    assert why in found and bool(why) == bool(found)


def test_other_results_about_a_model_must_be_of_the_one_that_was_scored():
    current = Current("c", HEAD)
    assert current.why_old({"corpus": "c", "model": "h"}, HEAD) == ""
    assert "another model" in current.why_old({"corpus": "c", "model": "x"}, HEAD)


def test_before_a_corpus_had_a_name_everything_is_taken_for_current():
    assert Current(None, {}).why_old({}) == ""


def test_a_head_that_is_old_itself_is_no_measure_for_others():
    files = {"evaluation/corpus.json": {"of": ["corpus:c"]}}
    files["evaluation/head/rates.json"] = {"of": ["corpus:x", "upstream:u"]}
    current = Current.read(files.get)
    assert current.why_old(named(files["evaluation/head/rates.json"])) == "it is of another corpus"
    assert current.why_old({"corpus": "c", "upstream": "v"}) == ""


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def evaluate(root, model, of, found=None):
    """Write what `compare` reads of a model, and what it is of."""
    write_json(root / "evaluation" / model / "rates.json", {"of": lines(of)} if of else {})
    write_scores(root / "evaluation" / model / "utterances.csv", found or scores())


def lines(of):
    return [f"{name}:{value}" for name, value in of.items()]


NOISE = {"seeds": 5} | {rate: {"deviation": 0.01} for rate in ("cer", "wer")}


@pytest.fixture
def project(tmp_path):
    """A head and a recipe on one corpus, and seeds of the head, committed; a run of before."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    begin(tmp_path)
    write_json(tmp_path / "evaluation/corpus.json", {"of": ["corpus:c"]})
    evaluate(tmp_path, "head", HEAD)
    evaluate(tmp_path, "top3", {"corpus": "c", "model": "f", "head": "h"})
    evaluate(tmp_path, "full", {}, scores(rate=0.1))
    seeds = {name: HEAD[name] for name in ("corpus", "upstream", "training")}
    write_json(tmp_path / "evaluation/seeds/head/metrics.json", NOISE | {"of": lines(seeds)})
    commit(tmp_path)
    return tmp_path


def compared(folder):
    return comparison.compare(Revision(folder, "HEAD"), Revision(folder), PARAMS)


def test_a_comparison_leaves_out_an_outdated_run_and_reports_it(project):
    found = compared(project)
    assert (found.unchanged, found.only_old, found.only_new) == (["head", "top3"], [], [])
    why = "it has no provenance"
    assert found.left_out["working tree"] == {"full": why}
    assert f"- full: left out at working tree: {why}." in markdown.rendered(found, 0.95)


def test_seed_noise_of_another_corpus_is_not_used_and_that_of_this_one_is(project):
    evaluate(project, "head", HEAD, scores(seed=2))
    assert compared(project).noise["head"]["seeds"] == 5
    write_json(project / "evaluation/corpus.json", {"of": ["corpus:own"]})
    evaluate(project, "head", HEAD | {"corpus": "own"}, scores(seed=2))
    found = compared(project)
    assert found.noise == {}
    assert set(found.left_out["working tree"]) == {"full", "top3"}


def test_seeds_of_the_old_side_serve_where_a_knob_was_turned_since(project):
    evaluate(project, "head", HEAD | {"training": "turned"}, scores(seed=2))
    assert Revision(project).noise("head") == {}
    assert compared(project).noise["head"]["seeds"] == 5


def test_recipes_of_a_head_that_is_gone_are_left_out(project):
    evaluate(project, "head", HEAD | {"model": "new"}, scores(seed=2))
    found = compared(project)
    assert found.left_out["working tree"]["top3"] == "it began from another head"
    assert [split.model for split in found.splits] == ["head"]


def test_a_corpus_on_which_nothing_was_scored_yet_leaves_nothing_to_compare(project):
    write_json(project / "evaluation/corpus.json", {"of": ["corpus:own"]})
    with pytest.raises(RevisionError, match="of its own corpus"):
        compared(project)


def test_a_revision_from_before_there_were_such_lines_is_compared_as_it_was(project):
    for path in project.glob("evaluation/**/*.json"):
        found = json.loads(path.read_text())
        write_json(path, {name: of for name, of in found.items() if name != "of"})
    commit(project)
    evaluate(project, "head", {}, scores(seed=2))
    found = compared(project)
    assert found.unchanged == ["full", "top3"]
    assert found.left_out == {} and found.noise["head"]["seeds"] == 5


def test_a_damaged_file_is_named_with_its_revision(project):
    (project / "evaluation/corpus.json").write_text("{")
    with pytest.raises(RevisionError, match=r"working tree: evaluation/corpus\.json: "):
        compared(project)
