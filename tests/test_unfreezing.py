"""The contract of voicegraft/unfreezing, over every file there and every upstream."""

import copy

import numpy as np
import pytest
import torch
from invented import MARGIN_SECONDS

from voicegraft.model import unfreezing
from voicegraft.model import upstream as upstreams
from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.model.saved import load_model, save_model
from voicegraft.pipeline.params import load_params, read_params
from voicegraft.studies.drift import weights_changed
from voicegraft.training.recipe import Recipe, add, load_recipe, section
from voicegraft.training.records import share_of, size_of
from voicegraft.training.schedule import Part, head_part, optimiser, unfreeze, upstream_parts

SECTIONS = read_params()["finetune"]
DEFAULTS = SECTIONS["defaults"]
RECIPES = {name: DEFAULTS | of for name, of in SECTIONS.items() if isinstance(of, dict)}
KNOBS = {of["learns"]: name for name, of in RECIPES.items() if name not in ("defaults", "middle")}
"""A recipe of params.yaml for each way."""
FROM_AUDIO = [name for name in upstreams.names() if name not in ("log_mel", "mfcc")]  # no block


def grafted(upstream: str = "whisper") -> GraftedModel:
    torch.manual_seed(1)
    config = upstreams.plugin(upstream).TINY
    blocks = len(upstreams.plugin(upstream).build(config).blocks)
    description = Description(
        upstream=upstream,
        upstream_config=config,
        margin_seconds=MARGIN_SECONDS,
        head="ctc_linear",
        layer=blocks,
        labels=["", "a", "b"],
    )
    return GraftedModel(description).eval().requires_grad_(False)


def recipe_of(way: str, **changes) -> Recipe:
    """Return the recipe of params.yaml that learns in that way, with two blocks."""
    return load_recipe(KNOBS[way]).model_copy(update={"unfrozen_blocks": 2} | changes)


def parts_of(model: GraftedModel, recipe: Recipe) -> list[Part]:
    blocks = upstream_parts(
        model,
        recipe.unfrozen_blocks,
        recipe.upstream_lr,
        recipe.layer_decay,
        0,
        0,
        recipe.frozen_above,
        recipe.way.learning,
    )
    return [head_part(model, recipe.lr), *blocks]


@pytest.fixture(params=unfreezing.names())
def way(request):
    return request.param


@pytest.fixture(params=FROM_AUDIO)
def before(request):
    return grafted(request.param)


@pytest.fixture
def model(way, before):
    """The same with what the way adds; skipped where the upstream has no place for it."""
    model = copy.deepcopy(before)
    try:
        add(model, recipe_of(way))
        parts_of(model, recipe_of(way))
    except ValueError as error:
        assert "learns: " in str(error)
        assert "whisper" not in before.description.model_dump_json()
        pytest.skip(str(error))
    return model.requires_grad_(False)


@pytest.fixture
def parts(model, way):
    return parts_of(model, recipe_of(way))


def waves(*seconds):
    draw = np.random.default_rng(1)
    return [draw.normal(0, 0.1, round(16_000 * s)).astype(np.float32) for s in seconds]


def bit_equal(some, others):
    return all(torch.equal(a, b) for a, b in zip(some, others, strict=True))


def train(model: GraftedModel, parts: list[Part], steps: int = 3) -> None:
    """Take steps of some loss; the gradients of the last one stay."""
    adam = optimiser(parts, 0.1, torch.device("cpu"))
    unfreeze(model, parts, 0)
    windows = [model.upstream.window(torch.from_numpy(w), 0.1) for w in waves(0.5, 0.3)]
    features = [model.upstream.features(window) for window in windows]
    lengths = torch.tensor([len(f) for f in features])
    for _ in range(steps):
        adam.zero_grad()
        values, _ = model(torch.cat(features), lengths, None)
        values[..., 1].sum().backward()
        adam.step()


def test_at_first_the_model_emits_the_bits_it_emitted_before(before, model):
    assert bit_equal(model.emissions(waves(0.5, 0.3)), before.emissions(waves(0.5, 0.3)))


def test_no_weight_of_the_upstream_is_called_otherwise_than_before(before, model):
    state = model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in before.state_dict().items())


def test_what_learns_and_nothing_else_has_gradients(model, parts):
    train(model, parts)
    learning = {id(p) for part in parts for p in part.parameters}
    for name, parameter in model.named_parameters():
        if id(parameter) in learning:
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
        else:
            assert parameter.grad is None, name


def test_what_does_not_learn_keeps_every_bit(before, model, parts):
    train(model, parts)
    learning = {id(p) for part in parts for p in part.parameters}
    frozen = [name for name, p in model.named_parameters() if id(p) not in learning]
    own = dict(before.named_parameters())
    now = dict(model.named_parameters())
    assert bit_equal([now[name] for name in frozen], [own[name] for name in frozen])
    assert not bit_equal(model.emissions(waves(0.5)), before.emissions(waves(0.5)))


def test_a_way_that_adds_leaves_the_upstream_itself_as_it_was(way, before, model, parts):
    train(model, parts)
    changed = weights_changed(before.upstream, model.upstream)
    assert (changed == 0) == unfreezing.way(way).adds


def test_a_model_that_was_saved_and_loaded_emits_the_same_bits(model, parts, tmp_path):
    train(model, parts)
    model.requires_grad_(False)
    save_model(model, tmp_path)
    loaded = load_model(tmp_path, "cpu")
    assert loaded.description == model.description
    assert bit_equal(loaded.emissions(waves(0.5, 0.3)), model.emissions(waves(0.5, 0.3)))


def test_the_share_counts_what_changes(way, before, model, parts):
    pretrained = size_of(before.upstream)
    share = share_of(parts, pretrained)
    assert share.head == sum(p.numel() for p in model.head.parameters())
    assert share.share == pytest.approx(share.upstream / pretrained, abs=1e-6)
    if unfreezing.way(way).adds:
        assert share.upstream == size_of(model.upstream) - pretrained
    else:
        assert share.upstream <= pretrained == size_of(model.upstream)


def test_the_same_seed_adds_the_same_and_leaves_the_generator_alone(way):
    once, again, other = (grafted() for _ in range(3))
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    add(once, recipe_of(way))
    assert torch.equal(torch.rand(3), expected)
    add(again, recipe_of(way))
    add(other, recipe_of(way, seed=2))
    first, same, others = (list(m.parameters()) for m in (once, again, other))
    assert bit_equal(first, same)
    assert bit_equal(first, others) != unfreezing.way(way).adds


def test_params_have_a_recipe_for_every_way_and_no_other():
    assert sorted(KNOBS) == unfreezing.names()


def test_an_unknown_way_names_the_choices(way):
    with pytest.raises(ValueError, match=rf"learns: 'nothing' .*'{way}'"):
        unfreezing.way("nothing")


def test_a_knob_of_another_way_is_refused_with_those_of_this_one(tmp_path, way):
    other = {"bottleneck": 3} if way != "adapters" else {"rank": 3}
    text = str({"finetune": {"x": RECIPES[KNOBS[way]] | other}})
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ValueError, match=rf"finetune\.x\.{list(other)[0]} is unknown.*unfrozen"):
        load_params(section(way), "finetune.x", tmp_path / "params.yaml")
