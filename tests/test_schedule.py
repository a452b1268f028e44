import pytest
import torch

from voicegraft.model import upstream as upstreams
from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.training.schedule import (
    head_part,
    optimiser,
    unfreeze,
    upstream_parts,
    warm_up_and_decay,
)

BLOCKS, EPOCHS, EPOCH_STEPS = 4, 10, 20


@pytest.fixture
def model():
    torch.manual_seed(1)
    return grafted(layer=BLOCKS)


def grafted(layer):
    description = Description(
        upstream="whisper",
        upstream_config=upstreams.plugin("whisper").TINY | {"blocks": BLOCKS},
        margin_seconds=0.1,
        head="ctc_linear",
        layer=layer,
        labels=["", "a"],
    )
    return GraftedModel(description)


def parts_of(model, blocks=3, layer_decay=0.5, wait=1, pace=2):
    above = upstream_parts(model, blocks, 0.01, layer_decay, wait, pace)
    return [head_part(model, 0.1), *above]


def learning(model):
    """Return the modules whose parameters learn: head, stem, norm, or the number of a block."""
    names = {"upstream.conv1": "stem", "upstream.conv2": "stem", "upstream.norm": "norm"}
    found = set()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            top = ".".join(name.split(".")[:2])
            found.add(
                f"block {int(name.split('.')[2]) + 1}"
                if top == "upstream.blocks"
                else names.get(top, name.split(".")[0])
            )
    return found


def test_each_lower_block_has_the_decayed_rate_of_the_one_above(model):
    parts = parts_of(model)
    assert [p.name for p in parts] == ["head", "block 4", "block 3", "block 2"]
    assert [p.lr for p in parts] == pytest.approx([0.1, 0.01, 0.005, 0.0025])
    assert {p.lr for p in parts_of(model, layer_decay=1.0)[1:]} == {0.01}


def test_blocks_begin_one_after_the_other_once_the_head_had_its_epochs(model):
    parts = parts_of(model)
    expected = {
        0: {"head"},
        1: {"head", "block 4", "norm"},
        2: {"head", "block 4", "norm"},
        3: {"head", "block 4", "norm", "block 3"},
        5: {"head", "block 4", "norm", "block 3", "block 2"},
        9: {"head", "block 4", "norm", "block 3", "block 2"},
    }
    for epoch, modules in expected.items():
        names = unfreeze(model, parts, epoch)
        assert learning(model) == modules
        assert set(names) == modules - {"norm"}


def test_with_no_pace_all_begin_at_once(model):
    unfreeze(model, parts_of(model, wait=0, pace=0), 0)
    assert learning(model) == {"head", "norm", "block 4", "block 3", "block 2"}


def test_the_stem_learns_with_the_first_block_and_never_without(model):
    unfreeze(model, parts_of(model, blocks=3), 99)
    assert "stem" not in learning(model)
    unfreeze(model, parts_of(model, blocks=4), 99)
    assert {"stem", "block 1"} <= learning(model)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_under_a_head_on_a_lower_layer_neither_the_norm_nor_higher_blocks_learn():
    model = grafted(layer=3)
    unfreeze(model, parts_of(model, blocks=2), 99)
    assert learning(model) == {"head", "block 3", "block 2"}


def test_the_optimiser_has_each_parameter_once_at_the_rate_of_its_part(model):
    parts = parts_of(model, blocks=4)
    groups = optimiser(parts, 0.3, torch.device("cpu")).param_groups
    assert [g["lr"] for g in groups] == [p.lr for p in parts]
    assert {g["weight_decay"] for g in groups} == {0.3}
    held = [id(p) for g in groups for p in g["params"]]
    assert sorted(held) == sorted(id(p) for p in model.parameters())


def rates(model, warmup_share=0.1, **choices):
    """Return the rate of each part at each step, and behind the last."""
    parts = parts_of(model, **choices)
    adam = optimiser(parts, 0.0, torch.device("cpu"))
    schedule = warm_up_and_decay(adam, parts, EPOCH_STEPS, EPOCHS, warmup_share)
    by_step = [schedule.get_last_lr()]
    for _ in range(EPOCHS * EPOCH_STEPS):
        adam.step()
        schedule.step()
        by_step.append(schedule.get_last_lr())
    return [list(rate) for rate in zip(*by_step, strict=True)]


def test_the_rate_rises_to_its_highest_at_the_end_of_warm_up_and_falls_to_zero(model):
    head, *_ = rates(model)
    peak = head.index(max(head))
    assert peak == 0.1 * EPOCHS * EPOCH_STEPS - 1
    assert 0.095 < head[peak] <= 0.1
    assert head[:peak] == sorted(head[:peak])
    assert head[peak:] == sorted(head[peak:], reverse=True)
    assert 0 < head[0] < 0.01
    assert head[-1] == pytest.approx(0, abs=1e-9)


def test_a_part_that_begins_later_has_no_rate_before_and_rises_from_its_own_first_step(model):
    for begins, rate, highest in zip(
        [1, 3, 5], rates(model)[1:], [0.01, 0.005, 0.0025], strict=True
    ):
        first = begins * EPOCH_STEPS
        assert not any(rate[:first])
        assert 0 < rate[first] < rate[first + 10] < highest
        assert rate[-1] == pytest.approx(0, abs=1e-9)


def test_without_warm_up_the_first_step_has_the_full_rate(model):
    assert rates(model, warmup_share=0.0)[0][0] == pytest.approx(0.1)
