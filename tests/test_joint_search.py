"""The search of CTC and attention in one pass."""

from itertools import groupby, product

import numpy as np
import pytest
import torch
from test_attention import LABELS, TEXTS, clips, decoder

from voicegraft.language.joint_search import BEAM, JointSearch
from voicegraft.language.prefixes import longer, nothing
from voicegraft.model import ctc

FRAMES = 5


def emission(frames: int, labels: int, seed: int = 1) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.randn(frames, labels).log_softmax(-1)


def spelt(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(label for label, _ in groupby(path) if label != ctc.BLANK)


def summed(of: torch.Tensor, counts) -> float:
    """Return ln of the sum over all paths whose labels count."""
    paths = product(range(of.shape[1]), repeat=len(of))
    return float(
        np.logaddexp.reduce(
            [of[range(len(of)), path].sum().item() for path in paths if counts(spelt(path))]
        )
    )


@pytest.mark.parametrize("text", [(1,), (1, 1), (1, 2), (2, 2, 1), (3, 1, 3), (1, 1, 1)])
def test_the_probability_of_a_beginning_is_the_sum_over_all_paths_that_begin_so(text):
    of = emission(FRAMES, 4)
    frames, found = of.double().numpy(), nothing(of.double().numpy())
    for label in text:
        found = longer(frames, found, np.array([label]))
    assert found.scores[0] == pytest.approx(summed(of, lambda p: p[: len(text)] == text), abs=1e-5)
    assert found.whole[0] == pytest.approx(summed(of, lambda p: p == text), abs=1e-5)


def test_the_empty_text_has_the_probability_of_blanks_alone():
    of = emission(FRAMES, 4)
    assert nothing(of.double().numpy()).whole[0] == pytest.approx(of[:, ctc.BLANK].sum().item())


def test_beginnings_that_are_made_longer_together_are_those_made_longer_alone():
    frames = emission(12, 4).double().numpy()
    first = longer(frames, nothing(frames)[[0, 0, 0]], np.array([1, 2, 3]))
    together = longer(frames, first, np.array([1, 1, 2]))
    for place, (a, b) in enumerate([(1, 1), (2, 1), (3, 2)]):
        alone = longer(frames, longer(frames, nothing(frames), np.array([a])), np.array([b]))
        assert alone.scores[0] == together.scores[place]
        assert np.array_equal(alone.ending[0], together.ending[place])


def total(search: JointSearch, of: torch.Tensor, states: torch.Tensor, text: str) -> float:
    by_ctc = ctc.log_likelihoods(of, [ctc.target(text, LABELS)])[0]
    by_attention = search.decoder.log_likelihoods(states, [text])[0]
    return float(search.share * by_attention + (1 - search.share) * by_ctc)


def test_texts_are_in_the_order_of_their_sum_of_both_scores():
    search, of, states = JointSearch(decoder(), LABELS), emission(20, len(LABELS)), clips(20)[0]
    found = search(of, states)
    assert len(found) == len(set(found)) == BEAM
    # A text may be spelt by other tokens than those that the encoder takes, and score higher so.
    first, last = total(search, of, states, found[0]), total(search, of, states, found[-1])
    assert first > last


def test_a_text_that_ctc_is_sure_of_is_found_by_it_alone():
    text = TEXTS[1]
    of = torch.full((3 * len(text), len(LABELS)), -20.0)
    for place, letter in enumerate(text):
        of[3 * place, LABELS.index(letter)] = 0
        of[3 * place + 1 : 3 * place + 3, ctc.BLANK] = 0
    states = clips(len(of))[0]
    search = JointSearch(decoder(), LABELS, share=0.05)
    assert search(of.log_softmax(-1), states)[0] == text


def test_with_attention_alone_no_text_found_is_less_likely_than_the_greedy_one():
    own, states = decoder(), clips(24)[0]
    search = JointSearch(own, LABELS, share=1.0)
    greedy, best = own.written([states])[0], search(emission(24, len(LABELS)), states)[0]
    of = own.log_likelihoods(states, [greedy, best])
    assert greedy == best or of[1] > of[0]
