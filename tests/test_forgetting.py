"""What a changed upstream costs a head that was trained on the old one."""

import json
from pathlib import Path

import jiwer
import pytest
import torch
from invented import MARGIN_SECONDS, write_corpus
from stage_runs import params_of, write_params

from studies import forgetting
from voicegraft.model import upstream as upstreams
from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.model.saved import load_model, save_model
from voicegraft.model.unfreezing import Added, add
from voicegraft.speech.manifest import Corpus


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder with an upstream, a corpus, and a head on the upstream."""
    config = upstreams.plugin("random").TINY
    (tmp_path / "upstream").mkdir()
    identity = json.dumps({"name": "random", "config": config})
    (tmp_path / "upstream" / upstreams.IDENTITY_FILE).write_text(identity)
    write_corpus(tmp_path / "corpus")
    torch.manual_seed(1)
    description = Description(
        upstream="random",
        upstream_config=config,
        margin_seconds=MARGIN_SECONDS,
        head="ctc_linear",
        layer=2,
        labels=["", "a", "b", "ř"],
    )
    save_model(GraftedModel(description), tmp_path / "head")
    monkeypatch.chdir(tmp_path)
    write_knobs()
    return tmp_path


def write_knobs(**changes: object) -> None:
    """Write the project's params, with the head and the corpus that are here."""
    params = params_of()
    params["forgetting"] |= {"head": "head", "corpus": "corpus"} | changes
    write_params(Path(), params)


def head_of(project: Path) -> GraftedModel:
    return load_model(project / "head", "cpu")


def found_of(tuned: GraftedModel, **changes: object) -> dict:
    """Return what the stage writes once the upstream is that of `tuned`."""
    save_model(tuned, Path("tuned"))
    write_knobs(**changes)
    forgetting.main(Path("upstream"), Path("tuned"), Path("forgetting.json"))
    return json.loads(Path("forgetting.json").read_text())


def errors(found: dict) -> list[float]:
    return [layer["relative_error"] for layer in found["layer"].values()]


def test_nothing_is_forgotten_where_the_head_alone_learnt(project):
    tuned = head_of(project)
    torch.nn.init.normal_(tuned.head.label.weight)
    found = found_of(tuned)
    assert (errors(found), found["weights_changed"]) == ([0, 0, 0], 0)
    assert found["head"]["cer_before"] == found["head"]["cer_after"] > 0
    assert found["head"]["change_low"] == found["head"]["change_high"] == 0


def test_the_head_is_scored_on_the_old_upstream_and_on_the_new_one(project):
    tuned = head_of(project)
    torch.nn.init.normal_(tuned.upstream.blocks[1].down.weight)
    found = found_of(tuned)
    before, after = head_of(project), head_of(project)
    after.upstream = tuned.upstream
    clips = Corpus(project / "corpus").of("test")
    for name, model in (("cer_before", before), ("cer_after", after)):
        hypotheses = [
            model.decode(model.emissions([Corpus(project / "corpus").wave(u)])[0]) for u in clips
        ]
        expected = jiwer.cer([u.text for u in clips], hypotheses)
        assert found["head"][name] == pytest.approx(expected, abs=1e-4)
    assert found["head"]["change"] != 0
    assert found["head"]["clips"] == len(clips)
    assert errors(found)[:2] == [0, 0] and errors(found)[2] > 0
    assert found["weights_changed"] == tuned.upstream.blocks[1].down.weight.numel()


def with_lora(model: GraftedModel) -> GraftedModel:
    added = Added(way="lora", knobs={"rank": 2, "alpha": 4.0}, blocks=[2])
    add(model.upstream.blocks, model.upstream.size, added)
    torch.nn.init.normal_(model.upstream.blocks[1].down.lora.b)
    model.description = model.description.model_copy(update={"added": added})
    return model


def test_what_was_added_moves_the_states_and_changes_no_weight_of_the_upstream(project):
    found = found_of(with_lora(head_of(project)))
    assert errors(found)[:2] == [0, 0] and errors(found)[2] > 0
    assert found["weights_changed"] == 0


def test_less_speech_is_used_where_less_is_asked_for(project):
    assert found_of(head_of(project), minutes=0.005)["head"]["clips"] == 1


@pytest.mark.parametrize("how", ["tuned", "added", "another"])
def test_a_head_that_was_not_trained_on_the_frozen_upstream_is_refused_by_its_folder(project, how):
    other = head_of(project)
    if how == "tuned":
        torch.nn.init.normal_(other.upstream.blocks[0].down.weight)
    elif how == "added":
        other = with_lora(other)
    else:
        config = other.description.upstream_config | {"bins": 40}
        other = GraftedModel(other.description.model_copy(update={"upstream_config": config}))
    save_model(other, Path("other"))
    with pytest.raises(
        ValueError, match=r"forgetting\.head: other is not a head on the unchanged upstream"
    ):
        found_of(head_of(project), head="other")


def test_a_head_and_a_corpus_may_be_in_folders_of_any_name(project):
    head, corpus = "a head; $(touch pwned)", "řeč 'of' \"another\""
    (project / "head").rename(head)
    (project / "corpus").rename(corpus)
    tuned = load_model(Path(head), "cpu")
    assert found_of(tuned, head=head, corpus=corpus)["weights_changed"] == 0


def test_the_same_models_give_the_same_bytes(project):
    tuned = head_of(project)
    torch.nn.init.normal_(tuned.upstream.blocks[1].down.weight)
    found_of(tuned)
    once = Path("forgetting.json").read_bytes()
    found_of(tuned)
    assert Path("forgetting.json").read_bytes() == once
