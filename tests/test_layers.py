import numpy as np
import pytest
import torch
from pydantic import ValidationError

from voicegraft.model.layers import Layer, WeightedSum, numbers, trunk_below
from voicegraft.pipeline.params import Section


class Knob(Section):
    layer: Layer


def mixed(states, logits):
    """Return what `WeightedSum` makes of (frames, layers, size) with those logits."""
    mix = WeightedSum(states.shape[1])
    with torch.no_grad():
        mix.logits.copy_(torch.tensor(logits))
        return mix(torch.from_numpy(states).float()).numpy()


def states(seed=1, frames=5, layers=3, size=8):
    return np.random.default_rng(seed).normal(2, 7, (frames, layers, size))


def test_a_weighted_sum_is_what_numpy_makes_of_the_normalised_layers():
    given, logits = states(), [0.3, -1.0, 2.0]
    centred = given - given.mean(-1, keepdims=True)
    normalised = centred / np.sqrt(centred.var(-1, keepdims=True) + 1e-5)
    weights = np.exp(logits) / np.exp(logits).sum()
    expected = np.stack([(weights[:, None] * frame).sum(0) for frame in normalised])
    np.testing.assert_allclose(mixed(given, logits), expected, atol=1e-5)


def test_every_layer_counts_alike_before_anything_is_learnt():
    torch.testing.assert_close(WeightedSum(4).weights, torch.full((4,), 0.25))


def test_a_layer_counts_no_more_for_being_louder():
    quiet = states()
    loud = quiet * np.array([1.0, 100.0, 1.0])[:, None]
    np.testing.assert_allclose(mixed(quiet, [0.0] * 3), mixed(loud, [0.0] * 3), atol=1e-4)


@pytest.mark.parametrize(("given", "layer"), [(6, 6), ([6], 6), ([3, 6], (3, 6))])
def test_a_knob_is_a_layer_or_a_list_of_them(given, layer):
    assert Knob(layer=given).layer == layer
    assert numbers(layer) == tuple(given if isinstance(given, list) else [given])


@pytest.mark.parametrize(
    "given", [[], [6, 3], [3, 3], "6", "auto", True, -1, [-1, 2], [3, "6"], 6.0, None]
)
def test_anything_else_is_refused_by_the_key_and_its_value(given):
    with pytest.raises(ValidationError, match="layer\n") as refused:
        Knob(layer=given)
    assert len(refused.value.errors()) == 1
    assert refused.value.errors()[0]["input"] == given


@pytest.mark.parametrize(
    ("layer", "unfrozen", "trunk"), [(6, 3, 3), ((3, 6), 3, 3), ((5, 6), 3, 3), ((1, 6), 3, 1)]
)
def test_the_trunk_ends_below_all_that_is_unfrozen_and_every_input_layer(layer, unfrozen, trunk):
    assert trunk_below(layer, unfrozen) == trunk
