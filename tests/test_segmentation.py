"""Cutting at pauses, on noise that stands for speech."""

import numpy as np
import pytest

from voicegraft.inference.segmentation import cut_at_pauses

RATE = 16_000


def speech(seconds, rng, loudness=0.3):
    """Noise whose loudness wavers as syllables do, four a second, and never falls silent."""
    time = np.arange(int(seconds * RATE)) / RATE
    wavering = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)
    return (loudness * wavering * rng.standard_normal(len(time))).astype(np.float32)


def silence(seconds, rng, loudness=0.0005):
    return (loudness * rng.standard_normal(int(seconds * RATE))).astype(np.float32)


def talk(rng, spoken, paused):
    """Return a recording and a mask that is True inside its pauses."""
    parts, masks = [], []
    for seconds, pause in zip(spoken, paused, strict=True):
        parts += [speech(seconds, rng), silence(pause, rng)]
        masks += [np.zeros(len(parts[-2]), bool), np.ones(len(parts[-1]), bool)]
    return np.concatenate(parts), np.concatenate(masks)


def cuts_of(pieces):
    return [piece.first_sample for piece in pieces][1:]


@pytest.mark.parametrize("block_seconds", [0.3, 10, 10_000])
@pytest.mark.parametrize("seconds", [0.001, 4.9, 5.0, 5.1, 63.7])
def test_pieces_cover_every_sample_once_and_none_is_over_the_limit(seconds, block_seconds):
    wave = speech(seconds, np.random.default_rng(1))
    blocks = np.split(wave, range(int(block_seconds * RATE), len(wave), int(block_seconds * RATE)))
    pieces = list(cut_at_pauses(blocks, 5.0, RATE))
    assert np.array_equal(np.concatenate([p.wave for p in pieces]), wave)
    assert [p.first_sample for p in pieces] == [
        sum(len(q.wave) for q in pieces[:i]) for i in range(len(pieces))
    ]
    assert all(0 < len(p.wave) <= 5 * RATE for p in pieces)


def test_cuts_lie_in_pauses():
    rng = np.random.default_rng(2)
    wave, in_pause = talk(rng, rng.uniform(1, 6, 40), rng.uniform(0.3, 1.5, 40))
    cuts = cuts_of(cut_at_pauses([wave], 10.0, RATE))
    assert len(cuts) >= 10
    assert in_pause[cuts].all()
    margin = int(0.05 * RATE)
    assert in_pause[np.array(cuts) - margin].all() and in_pause[np.array(cuts) + margin].all()


def test_the_size_of_blocks_does_not_move_a_cut():
    rng = np.random.default_rng(3)
    wave, _ = talk(rng, rng.uniform(1, 6, 10), rng.uniform(0.1, 1, 10))
    small = np.split(wave, range(1_000, len(wave), 1_000))
    assert cuts_of(cut_at_pauses(small, 8.0, RATE)) == cuts_of(cut_at_pauses([wave], 8.0, RATE))


def test_pauses_are_found_at_any_loudness():
    rng = np.random.default_rng(4)
    wave, in_pause = talk(rng, [4, 4, 4, 4], [0.5] * 4)
    for gain in (0.001, 3.0):
        assert in_pause[cuts_of(cut_at_pauses([gain * wave], 7.0, RATE))].all()


def test_without_a_pause_the_cut_goes_through_the_quietest_moment_of_the_later_half():
    rng = np.random.default_rng(5)
    wave = speech(12, rng)
    dip = slice(int(7.5 * RATE), int(7.8 * RATE))  # 10 dB down: no pause, but the best there is
    wave[dip] *= 0.3
    cut = cuts_of(cut_at_pauses([wave], 10.0, RATE))[0]
    assert dip.start <= cut <= dip.stop


def test_an_early_pause_beats_a_dip_later_on():
    rng = np.random.default_rng(8)
    wave, in_pause = talk(rng, [3.0, 9.0], [0.5, 0.5])
    wave[int(7.5 * RATE) : int(7.8 * RATE)] *= 0.3
    assert in_pause[cuts_of(cut_at_pauses([wave], 10.0, RATE))[0]]


def test_a_consonant_at_the_edge_of_the_window_is_no_pause():
    rng = np.random.default_rng(6)
    wave, in_pause = talk(rng, [5.0, 4.0, 6.0], [0.5, 0.5, 0.5])
    wave[int(7.88 * RATE) : int(8.0 * RATE)] = 0  # a long closure of a "k", in mid-word
    assert in_pause[cuts_of(cut_at_pauses([wave], 8.0, RATE))[0]]


def test_digital_silence_is_cut_without_complaint():
    with np.errstate(all="raise"):
        pieces = list(cut_at_pauses([np.zeros(25 * RATE, np.float32)], 10.0, RATE))
    assert sum(len(p.wave) for p in pieces) == 25 * RATE


def test_an_empty_recording_has_no_pieces():
    assert list(cut_at_pauses([], 10.0, RATE)) == []
    assert list(cut_at_pauses([np.zeros(0, np.float32)], 10.0, RATE)) == []
