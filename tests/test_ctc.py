import itertools
import math

import pytest
import torch

from voicegraft.model import ctc
from voicegraft.model.batches import pad

LABELS = ["", " ", "a", "b"]


def collapse(path):
    """Return the symbols that a path spells: repeats merged, then blanks (0) dropped."""
    return [symbol for symbol, _ in itertools.groupby(path) if symbol != 0]


def likelihood(emission, symbols):
    """Return the sum of the probabilities of all paths that spell `symbols`."""
    frames, labels = emission.shape
    paths = itertools.product(range(labels), repeat=frames)
    spelling = [path for path in paths if collapse(path) == symbols]
    return sum(math.exp(sum(emission[t, i] for t, i in enumerate(path))) for path in spelling)


def emissions(*lengths):
    torch.manual_seed(len(lengths))
    return [(2 * torch.randn(n, len(LABELS))).log_softmax(-1) for n in lengths]


@pytest.mark.parametrize("symbols", [[2], [2, 3], [2, 2], [3, 1, 3], [1, 2, 2]])
def test_the_loss_is_that_of_all_paths_that_spell_the_text(symbols):
    (clip,) = emissions(5)
    expected = -math.log(likelihood(clip, symbols)) / len(symbols)
    assert ctc.loss(pad([clip]), [torch.tensor(symbols)]).item() == pytest.approx(expected, 1e-5)


def test_the_loss_of_a_batch_is_for_each_symbol_of_it_whatever_the_padding():
    clips, targets = emissions(2, 5, 4), [[3], [2, 2, 3], [1, 2]]
    total = -sum(math.log(likelihood(c, t)) for c, t in zip(clips, targets, strict=True))
    padded = pad(clips)
    dirty = padded.with_values(torch.where(padded.mask[..., None], padded.values, 7.0))
    for batch in (padded, dirty):
        loss = ctc.loss(batch, [torch.tensor(t) for t in targets])
        assert loss.item() == pytest.approx(total / 6, 1e-5)


def test_a_clip_without_text_has_blanks_alone_to_emit_and_counts_by_its_frames():
    clips = emissions(3, 5)
    leaf = pad(clips).values.clone().requires_grad_()
    loss = ctc.loss(pad(clips).with_values(leaf), [torch.tensor([2]), torch.tensor([]).long()])
    total = -math.log(likelihood(clips[0], [2])) - clips[1][:, 0].sum().item()
    assert loss.item() == pytest.approx(total / (1 + 5), 1e-5)
    loss.backward()
    # PyTorch's CTC gives the gradient as if a softmax were below: probabilities less occupancies.
    blanks = torch.nn.functional.one_hot(torch.zeros(5, dtype=torch.long), len(LABELS))
    assert torch.allclose(leaf.grad[1], (clips[1].exp() - blanks) / 6, atol=1e-6)


@pytest.mark.parametrize(
    "symbols", [s for n in range(5) for s in itertools.product([1, 2], repeat=n)]
)
def test_the_frames_needed_are_the_fewest_with_a_path(symbols):
    symbols = list(symbols)
    fewest = next(
        frames
        for frames in itertools.count()
        if any(collapse(path) == symbols for path in itertools.product(range(3), repeat=frames))
    )
    assert ctc.frames_needed(torch.tensor(symbols)) == fewest


def test_a_text_with_too_few_frames_costs_infinity_and_not_zero():
    symbols = torch.tensor([2, 2, 3])
    assert ctc.loss(pad(emissions(ctc.frames_needed(symbols) - 1)), [symbols]).item() == math.inf
    assert ctc.loss(pad(emissions(ctc.frames_needed(symbols))), [symbols]).isfinite()


def test_labels_are_the_blank_and_the_sorted_code_points_of_the_texts():
    assert ctc.labels_of(["ba č", "ab", ""]) == ["", " ", "a", "b", "č"]
    assert ctc.labels_of(text for text in ["zz", "a"]) == ["", "a", "z"]
    assert ctc.labels_of([]) == [""]


def test_a_symbol_without_a_label_is_left_out_of_the_target():
    assert ctc.target("ab x b", LABELS).tolist() == [2, 3, 1, 1, 3]
    empty = ctc.target("xyz", LABELS)
    assert empty.shape == (0,)
    assert empty.dtype == torch.long


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ([2, 2, 0, 2, 3, 3], "aab"),
        ([0, 1, 2, 1, 0, 1, 3, 1, 0], "a b"),
        ([0, 0, 0], ""),
        ([1, 1], ""),
        ([3], "b"),
    ],
)
def test_greedy_decoding_merges_repeats_drops_blanks_and_parts_words_by_one_space(path, text):
    emission = torch.nn.functional.one_hot(torch.tensor(path), len(LABELS)).float().log()
    assert ctc.greedy(emission, LABELS) == text


def test_greedy_decoding_undoes_what_the_target_spells():
    text = "abba a baab"
    path = [i for symbol in ctc.target(text, LABELS).tolist() for i in (symbol, 0)]
    assert ctc.greedy(torch.eye(len(LABELS))[path], LABELS) == text
