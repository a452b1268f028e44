"""Texts against emissions, compared with all paths written out."""

from itertools import product

import numpy as np
import pytest
import torch

from voicegraft.model import ctc
from voicegraft.studies.exploration.alignment import log_likelihood, misfit


def emission(frames, labels, seed):
    generator = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(frames, labels, generator=generator)).log_softmax(-1)


def spelt(path):
    symbols = [s for i, s in enumerate(path) if s and (i == 0 or path[i - 1] != s)]
    return tuple(symbols)


def paths(log_probabilities, symbols):
    """Yield every path that spells `symbols`, with its log-probability."""
    frames, labels = log_probabilities.shape
    for path in product(range(labels), repeat=frames):
        if spelt(path) == tuple(symbols):
            yield path, sum(float(log_probabilities[f, s]) for f, s in enumerate(path))


@pytest.mark.parametrize("symbols", [[1], [1, 2], [1, 1], [2, 1, 2]])
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_likelihood_and_the_path_are_those_of_all_paths_written_out(symbols, seed):
    emitted_values = emission(6, 3, seed)
    every = list(paths(emitted_values, symbols))
    total = np.logaddexp.reduce([probability for _, probability in every])
    assert log_likelihood(emitted_values, torch.tensor(symbols)) == pytest.approx(total, abs=1e-4)
    best = max(every, key=lambda found: found[1])[0]
    place, place_of = -1, []
    for frame, symbol in enumerate(best):
        place += bool(symbol) and (frame == 0 or best[frame - 1] != symbol)
        place_of.append(place if symbol else -1)
    emitted = [f for f, k in enumerate(place_of) if k >= 0]
    expected = [place_of[min(emitted, key=lambda e: (abs(e - f), e))] for f in range(len(best))]
    assert ctc.align(emitted_values, torch.tensor(symbols)).tolist() == expected


def test_the_predicted_text_fits_and_another_text_does_not():
    emitted_values = torch.full((4, 3), -8.0)
    emitted_values[range(4), [1, 0, 2, 2]] = 0.0
    emitted_values = emitted_values.log_softmax(-1)
    assert misfit(emitted_values, torch.tensor([1, 2])) == pytest.approx(0, abs=1e-4)
    assert misfit(emitted_values, torch.tensor([2, 1])) > 3
    assert misfit(emitted_values, torch.tensor([1, 1, 2, 2, 1])) == np.inf


def test_what_frames_cannot_spell_has_no_place():
    for symbols in ([1, 1, 1], []):
        with pytest.raises(ValueError, match="cannot be spelt in 3 frames"):
            ctc.align(emission(3, 3, 1), torch.tensor(symbols, dtype=torch.long))
