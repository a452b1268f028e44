"""Copies of recordings that were planted among others."""

import numpy as np
import pytest
from planted import states_of

from voicegraft.studies.exploration.neighbours import candidates, duplicates, sameness


def noise(seed, samples=8_000):
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def test_a_copy_is_the_same_at_another_level_cut_and_through_eight_bits():
    wave = noise(1)
    assert sameness(wave, wave) == pytest.approx(1)
    assert sameness(wave, -0.3 * wave) == pytest.approx(1)
    assert sameness(wave, np.r_[np.zeros(500, np.float32), wave[:-100]]) > 0.98
    assert sameness(wave, np.round(wave * 127) / 127) > 0.99


def test_other_sound_is_not_the_same_and_silence_is_nothing():
    assert sameness(noise(1), noise(2)) < 0.1
    assert sameness(noise(1), np.zeros(100, np.float32)) == 0


def test_planted_copies_are_found_once_each_and_lookalikes_are_not_confirmed():
    states = states_of(np.zeros(40, int), 0.0)
    waves = [noise(i) for i in range(40)]
    states[3], waves[3] = states[30], waves[30]
    states[5] = 1.001 * states[31]  # the same word again: alike to the upstream alone
    pairs = list(candidates(states, [8_000] * 40))
    assert [pair[:2] for pair in pairs] == [(3, 30), (5, 31)]
    found = list(duplicates(states, [8_000] * 40, waves.__getitem__, 0.95))
    assert [(one, other) for one, other, _, _ in found] == [(3, 30)]
    assert found[0][2:] == pytest.approx((1, 1))


def test_clips_of_other_lengths_are_no_candidates():
    states = np.r_[np.eye(4), np.eye(4)[:1]]
    assert list(candidates(states, [100, 100, 100, 100, 80])) == []
    assert [pair[:2] for pair in candidates(states, [100, 100, 100, 100, 95])] == [(0, 4)]
