"""Which blocks a recipe reaches, which of their weights learn, and from where it runs."""

import invented
import pytest
import torch
from invented import store_corpus
from test_training import FABRIC, NO_MASKS, dev_cer, fit, stored
from test_training import run as run_trainer
from test_unfreezing import grafted, parts_of, recipe_of

from stages.finetune import inputs_of
from voicegraft.speech.degradation import Degradation
from voicegraft.training.inputs import AudioFeatures
from voicegraft.training.loop import Trainer
from voicegraft.training.recipe import add
from voicegraft.training.schedule import head_part, upstream_parts


def learning(way: str, **changes) -> set[str]:
    """Return the names of the weights that learn in a tiny Whisper's upstream."""
    model, recipe = grafted(), recipe_of(way, **changes)
    add(model, recipe)
    chosen = {id(p) for part in parts_of(model, recipe)[1:] for p in part.parameters}
    return {n.removeprefix("upstream.") for n, p in model.named_parameters() if id(p) in chosen}


def tops(names: set[str]) -> set[str]:
    return {".".join(name.split(".")[: 2 if name.startswith("blocks") else 1]) for name in names}


def test_the_middle_learns_without_what_is_above_and_below_it():
    assert tops(learning("blocks", unfrozen_blocks=1, frozen_above=1)) == {
        *("blocks.0", "conv1", "conv2")
    }
    assert tops(learning("blocks", unfrozen_blocks=1)) == {"blocks.1", "norm"}


@pytest.mark.parametrize("way", ["lora", "adapters"])
@pytest.mark.parametrize(("blocks", "above", "reached"), [(2, 0, {0, 1}), (1, 0, {1}), (1, 1, {0})])
def test_what_is_added_stands_in_the_blocks_of_the_recipe_and_no_other(way, blocks, above, reached):
    changes = dict(unfrozen_blocks=blocks, frozen_above=above)
    before, after = grafted(), grafted()
    add(after, recipe_of(way, **changes))
    added = set(after.upstream.state_dict()) - set(before.upstream.state_dict())
    assert tops(added) == {f"blocks.{index}" for index in reached}
    assert learning(way, **changes) == added


def test_norms_are_the_layer_norms_and_biases_all_that_is_added_to_a_product():
    norms = [f"blocks.{b}.{n}_norm" for b in (0, 1) for n in ("attention", "mlp")] + ["norm"]
    layers = [f"blocks.{b}.{n}" for b in (0, 1) for n in ("qkv", "out", "up", "down")]
    assert learning("norms") == {f"{n}.{w}" for n in norms for w in ("weight", "bias")}
    assert learning("biases") == {f"{n}.bias" for n in [*norms, *layers, "conv1", "conv2"]}


@pytest.mark.parametrize(("blocks", "above", "most"), [(3, 0, 2), (2, 1, 1), (1, 2, 0)])
def test_more_blocks_than_there_are_are_refused_by_number(blocks, above, most):
    recipe = recipe_of("blocks", unfrozen_blocks=blocks, frozen_above=above)
    message = f"unfrozen_blocks must be 1 to {most}, .* frozen_above is {above}, not {blocks}"
    with pytest.raises(ValueError, match=message):
        recipe.check(2)


def test_the_trunk_ends_below_the_lowest_block_that_learns(corpus, tmp_path):
    model = grafted()
    store_corpus(tmp_path, corpus, model)
    for blocks, above, start in [(1, 0, 1), (2, 0, 0), (1, 1, 0)]:
        changes = dict(unfrozen_blocks=blocks, frozen_above=above, start="trunk", speeds=[])
        inputs = inputs_of(recipe_of("lora", **changes), model, corpus, tmp_path)
        assert inputs.start == start
    assert isinstance(inputs_of(recipe_of("adapters"), model, corpus, tmp_path), AudioFeatures)


@pytest.mark.parametrize(
    ("knob", "value"), [("speeds", [0.9]), ("augment", [Degradation(telephone="band")])]
)
def test_a_trunk_that_is_stored_is_not_augmented_anew(corpus, tmp_path, knob, value):
    recipe = recipe_of("lora", **{"start": "trunk", "speeds": [], knob: value})
    with pytest.raises(ValueError, match=f"{knob} must be \\[\\] if start is trunk, not"):
        inputs_of(recipe, grafted(), corpus, tmp_path)


def test_a_recipe_from_audio_trains_on_its_own_degradations(corpus, tmp_path):
    recipe = recipe_of("adapters", augment=[Degradation(telephone="band")])
    assert inputs_of(recipe, grafted(), corpus, tmp_path).augment == recipe.augment


@pytest.mark.parametrize("start", ["trunk", "audio"])
@pytest.mark.parametrize("way", ["lora", "adapters", "norms", "biases"])
def test_a_way_lowers_the_loss_under_a_head_that_stays_from_the_score_it_had(
    corpus, store, tmp_path, way, start
):
    model = invented.model()
    knobs = fit(epochs=8, masking=NO_MASKS)
    trained = Trainer(FABRIC, model, stored(store, 2, knobs), [head_part(model, 0.02)], knobs)
    run_trainer(trained, corpus, tmp_path / "head")
    recipe = recipe_of(way)
    add(model, recipe)
    rate = 0.01 if way == "lora" else 0.03  # one of thousands of weights, the other of hundreds
    blocks = upstream_parts(model, 2, rate, 1.0, 0, 0, 0, recipe.way.learning, start == "audio")
    inputs = AudioFeatures(corpus, model, knobs.masking) if start == "audio" else stored(store, 0)
    score = dev_cer(model, corpus)
    head = {name: p.clone() for name, p in model.head.named_parameters()}
    curve = run_trainer(Trainer(FABRIC, model, inputs, blocks, knobs), corpus, tmp_path / "fine")
    assert curve[0]["dev/cer"] == score
    assert curve[-1]["train/loss"] < 0.9 * curve[1]["train/loss"]
    assert all(torch.equal(head[name], p) for name, p in model.head.named_parameters())
