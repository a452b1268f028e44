"""Encoders of transformers' against transformers itself, with the same random weights."""

import pytest
import torch
from processors import with_fast_bfloat16
from transformers_encoders import (
    ENCODERS,
    LAYERS,
    differences,
    network,
    their_features,
    windows,
    write,
)

from voicegraft.model.precision import on_this_machine, products_in
from voicegraft.upstreams.huggingface import load


@pytest.fixture(scope="module", params=list(ENCODERS))
def theirs(request):
    return network(*ENCODERS[request.param])


@pytest.fixture(scope="module")
def folder(theirs, tmp_path_factory):
    return write(tmp_path_factory.mktemp("repository"), theirs)


@pytest.fixture(scope="module")
def encoder(folder):
    return load(folder).eval().requires_grad_(False)


def test_features_are_those_of_transformers_extractor(encoder, theirs):
    for window in windows(encoder):
        ours, expected = encoder.features(window), their_features(theirs, window)
        assert ours.shape == expected.shape
        assert (ours - expected).abs().max() <= 1e-3  # of a deviation of 1; theirs is in complex64


def test_a_batch_has_transformers_states_of_each_clip_alone_at_every_layer(encoder, theirs):
    assert len(encoder.blocks) == LAYERS[-1]
    assert max(differences(encoder, theirs)) <= 1e-4


def test_from_the_first_layer_on_the_last_is_the_same(encoder):
    states = encoder.encode(windows(encoder), [1, 2])
    assert torch.equal(encoder.above(states[1], 1, [2])[2].values, states[2].values)


def test_every_parameter_is_in_the_blocks_the_norm_or_the_stem_once(encoder):
    modules = [*encoder.blocks, encoder.norm, *encoder.stem_modules()]
    held = [id(parameter) for module in modules for parameter in module.parameters()]
    assert sorted(held) == sorted(id(parameter) for parameter in encoder.parameters())


def test_what_learns_gets_what_was_stored(encoder):
    stored = encoder.encode(windows(encoder), LAYERS)
    learning = encoder.train().encode(windows(encoder), LAYERS)
    encoder.eval()
    assert all(torch.equal(stored[k].values, learning[k].values) for k in LAYERS)


def test_as_auto_encodes_them_the_states_are_nearly_the_same(encoder, monkeypatch):
    with_fast_bfloat16(monkeypatch)
    exact = encoder.encode(windows(encoder), [2])[2].values
    with products_in(on_this_machine("auto", encoder), encoder.device):
        rounded = encoder.encode(windows(encoder), [2])[2].values.float()
    assert (rounded - exact).norm() <= 0.05 * exact.norm()
