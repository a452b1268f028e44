"""Drift of states, against other ways to compute it and against what must hold of it."""

import copy

import numpy as np
import pytest
import torch
from invented import model

from voicegraft.studies.drift import drift, linear_cka, relative_error, weights_changed


def states(seed: int, frames: int = 40, size: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(3, 2, (frames, size))


def test_similarity_is_that_of_the_two_gram_matrices_of_frames():
    """Kornblith et al. 2019, equation 3: HSIC of linear kernels, which needs no features."""
    one, other = states(1), states(2) + 0.3 * states(1)
    middle = np.eye(len(one)) - 1 / len(one)
    k, m = (middle @ (s @ s.T) @ middle for s in (one, other))
    expected = np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m))
    assert linear_cka(one, other) == pytest.approx(expected, abs=1e-12)
    assert 0.1 < expected < 0.9


def test_similarity_sees_no_rotation_shift_or_scale_and_little_in_noise():
    rotation, _ = np.linalg.qr(states(3, 6, 6))
    assert linear_cka(states(1), 5 * states(1) @ rotation + 7) == pytest.approx(1)
    assert linear_cka(states(1, 4000), states(2, 4000)) < 0.01


def test_the_relative_error_is_the_share_of_the_norm_that_changed():
    assert relative_error(states(1), states(1)) == 0
    assert relative_error(states(1), 1.1 * states(1)) == pytest.approx(0.1)
    assert relative_error(states(1), 0 * states(1)) == 1


def waves() -> list[list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [
        [torch.randn(n, generator=generator) / 10 for n in lengths]
        for lengths in ([8000, 900], [1600])
    ]


def test_an_upstream_has_not_drifted_from_itself():
    upstream = model().upstream.eval()
    for moved in drift(upstream, copy.deepcopy(upstream), waves(), 0.1).values():
        assert moved.relative_error == 0
        assert moved.cka == pytest.approx(1)


def test_layers_drift_above_what_changed_and_not_below():
    old = model().upstream.eval()
    new = copy.deepcopy(old)
    with torch.no_grad():
        new.blocks[1].down.weight += torch.randn(new.blocks[1].down.weight.shape)
    moved = drift(old, new, waves(), 0.1)
    assert [moved[0].relative_error, moved[1].relative_error] == [0, 0]
    assert moved[2].relative_error > 0.1 and moved[2].cka < 0.999
    assert weights_changed(old, new) == new.blocks[1].down.weight.numel()


def test_drift_is_over_the_frames_of_all_batches():
    old, new = (model(seed=seed).upstream.eval() for seed in (1, 2))
    apart = drift(old, new, waves(), 0.1)
    together = drift(old, new, [[wave for batch in waves() for wave in batch]], 0.1)
    for layer, moved in apart.items():
        assert moved.relative_error == pytest.approx(together[layer].relative_error, rel=1e-4)
        assert moved.cka == pytest.approx(together[layer].cka, rel=1e-4)
