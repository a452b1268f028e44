"""Modified Kneser–Ney, against lmplz and by its own laws."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from arpa_reader import read_arpa

from voicegraft.language.kneser_ney import FALLBACK, discounts_of, estimate
from voicegraft.language.ngram import BEGIN, END, UNKNOWN

FOLDER = Path(__file__).parent / "language"


def sentences(name="text.txt"):
    return [line.split() for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


def state_after(model, words):
    state = model.begin()
    for word in words:
        state = model.extend(state, word)[1]
    return state


@pytest.mark.parametrize(("text", "arpa"), [("text.txt", "lmplz.arpa"), ("tiny.txt", "tiny.arpa")])
def test_the_model_is_that_of_lmplz(text, arpa):
    ours, theirs = estimate(sentences(text), 3), read_arpa(FOLDER / arpa)
    assert ours.vocabulary == theirs.vocabulary
    predicted = np.array([word != BEGIN for word in ours.vocabulary])
    for order, (level, reference) in enumerate(zip(ours.levels, theirs.levels, strict=True)):
        assert level.keys.tolist() == reference.keys.tolist()
        compared = predicted if order == 0 else slice(None)
        assert np.allclose(level.log10[compared], reference.log10[compared], atol=1e-5)
        assert np.allclose(level.backoff, reference.backoff, atol=1e-5)


def test_the_reference_with_counts_enough_does_not_fall_back():
    follow = {pair for words in sentences() for pair in pairwise([BEGIN, *words, END])}
    counts = np.bincount(np.unique([b for _, b in follow], return_inverse=True)[1])
    assert tuple(discounts_of(counts)[1:]) != FALLBACK


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("text", ["text.txt", "tiny.txt"])
def test_probabilities_after_every_history_sum_to_one(text, order):
    texts = sentences(text)
    model = estimate(texts, order)
    histories = {tuple(words[:n]) for words in texts for n in range(len(words) + 1)}
    histories |= {("most", "nic"), ("nic",), ("ryba", "ryba", "ryba", "ryba")}
    for history in histories:
        state = state_after(model, history)
        words = [word for word in model.vocabulary if word != BEGIN]
        assert math.isclose(sum(10 ** model.extend(state, w)[0] for w in words), 1, abs_tol=1e-9)


def test_a_bigram_has_the_probability_of_the_equations():
    # Written out for tiny.txt, whose orders all fall back: D(1) = 0.5, D(2) = 1.0.
    model = estimate(sentences("tiny.txt"), 2)
    uniform = 1 / 6  # four words, </s> and <unk>
    # Bigrams by last word: plave 2, </s> 2, loď 2, ryba 1, a 1.
    unigram = lambda count: (count - FALLBACK[count - 1]) / 8 + (3 * 1.0 + 2 * 0.5) / 8 * uniform  # noqa: E731
    left = (0.5 + 0.5) / 2  # ryba is followed by plave once and by a once
    expected = (1 - 0.5) / 2 + left * unigram(2)
    state = state_after(model, ["ryba"])
    assert math.isclose(10 ** model.extend(state, "plave")[0], expected, rel_tol=1e-9)
    assert math.isclose(10 ** model.extend(state, "loď")[0], left * unigram(2), rel_tol=1e-9)


def test_a_sequence_that_counts_twice_is_one_that_is_there_twice():
    texts = sentences()
    weights = [1 + i % 3 for i in range(len(texts))]
    repeated = [words for words, n in zip(texts, weights, strict=True) for _ in range(n)]
    one, other = estimate(texts, 3, weights), estimate(repeated, 3)
    for level, reference in zip(one.levels, other.levels, strict=True):
        assert np.array_equal(level.log10, reference.log10)


def test_the_order_of_the_sentences_changes_nothing():
    one, other = estimate(sentences(), 3), estimate(sentences()[::-1], 3)
    assert one.vocabulary == other.vocabulary
    for level, reference in zip(one.levels, other.levels, strict=True):
        assert np.array_equal(level.log10, reference.log10)


def test_an_unknown_word_is_scored_as_unk_and_never_as_begin():
    model = estimate(sentences(), 3)
    assert "velryba" not in model and "ryba" in model and BEGIN not in model
    scores = model.score(["velryba", "ryba"])
    assert scores == model.score([UNKNOWN, "ryba"])
    assert len(scores) == 3 and all(score < 0 for score in scores)
    assert model.extend(model.begin(), BEGIN)[0] < -90


def test_no_history_is_longer_than_the_longest_sequence():
    model = estimate([["a"], ["b"]], 8)
    assert model.order == 3
    assert model.score(["a"]) == pytest.approx(estimate([["a"], ["b"]], 3).score(["a"]))


@pytest.mark.parametrize("order", [1, 3])
def test_a_listed_word_has_a_share_of_its_own_and_more_if_it_is_frequent(order):
    texts = sentences()
    plain = estimate(texts, order)
    listed = estimate(texts, order, listed={"velryba": 9, "treska": 1, "moře": 0})
    assert {*listed.vocabulary} - {*plain.vocabulary} == {"velryba", "treska"}
    one = {w: listed.score([w])[0] for w in ("velryba", "treska", UNKNOWN)}
    assert one["velryba"] > one["treska"] > one[UNKNOWN]
    words = [word for word in listed.vocabulary if word != BEGIN]
    for history in ([], ["moře"], ["velryba"]):
        state = state_after(listed, history)
        assert math.isclose(sum(10 ** listed.extend(state, w)[0] for w in words), 1, abs_tol=1e-9)


def test_words_outside_the_vocabulary_raise_the_share_of_unk():
    texts = sentences()
    blanked = [[UNKNOWN if word == "strom" else word for word in words] for words in texts]
    assert estimate(blanked, 3).score([UNKNOWN])[0] > estimate(texts, 3).score([UNKNOWN])[0] + 0.5
    assert "strom" not in estimate(blanked, 3)


@pytest.mark.parametrize("word", [BEGIN, END])
def test_a_reserved_word_in_a_text_is_refused(word):
    with pytest.raises(ValueError, match="cannot be words of a text"):
        estimate([["a", word]], 2)


def test_no_text_is_refused():
    with pytest.raises(ValueError, match="there is no text"):
        estimate([], 3)
