"""Mixtures of n-gram models, against the sums that they stand for."""

import math
from pathlib import Path

import numpy as np
import pytest

from voicegraft.language.kneser_ney import estimate
from voicegraft.language.mixture import best_weights, log10_of, mixed
from voicegraft.language.ngram import BEGIN

LINES = (Path(__file__).parent / "language/text.txt").read_text(encoding="utf-8").splitlines()
ONE, OTHER = ([line.split() for line in LINES[first::2]] for first in (0, 1))
LISTED = dict.fromkeys([word for words in ONE + OTHER for word in words] + ["velryba"], 0)
MODELS = [estimate(ONE, 3, listed=LISTED), estimate(OTHER, 2, listed=LISTED)]


def state_after(model, words):
    state = model.begin()
    for word in words:
        state = model.extend(state, word)[1]
    return state


@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
def test_probabilities_after_every_history_sum_to_one(weights):
    model = mixed(MODELS, weights)
    words = [word for word in model.vocabulary if word != BEGIN]
    histories = {tuple(text[:n]) for text in ONE + OTHER for n in range(len(text) + 1)}
    for history in histories | {("velryba",), ("moře", "velryba", "moře")}:
        state = state_after(model, history)
        assert math.isclose(sum(10 ** model.extend(state, w)[0] for w in words), 1, abs_tol=1e-9)


def test_an_ngram_of_the_models_has_the_weighted_sum_of_their_probabilities():
    model = mixed(MODELS, [0.3, 0.7])
    for text in ONE:
        each = zip(*(m.score(text) for m in MODELS), strict=True)
        expected = [math.log10(0.3 * 10**a + 0.7 * 10**b) for a, b in each]
        assert model.score(text) == pytest.approx(expected, abs=1e-9)


def test_a_mixture_of_a_model_with_itself_is_that_model():
    model = mixed([MODELS[0], MODELS[0]], [0.4, 0.6])
    for text in ONE + OTHER:
        assert model.score(text) == pytest.approx(MODELS[0].score(text), abs=1e-9)


def test_probabilities_at_once_are_those_word_by_word():
    for model in MODELS:
        index = {word: i for i, word in enumerate(model.vocabulary)}
        texts = [[BEGIN, *text][-4:] for text in ONE + OTHER if len(text) > 2]
        ngrams = np.array([[index[word] for word in text] for text in texts])
        expected = []
        for text in texts:
            begins = text[0] == BEGIN
            state = state_after(model, text[1:-1]) if begins else (0,)
            for word in [] if begins else text[:-1]:
                state = model.extend(state, word)[1]
            expected.append(model.extend(state, text[-1])[0])
        assert log10_of(model, ngrams) == pytest.approx(expected)


def test_the_best_weights_are_those_of_a_search():
    def loss(weight, texts):
        pairs = zip(*([s for t in texts for s in m.score(t)] for m in MODELS), strict=True)
        prior = math.log(weight) + math.log(1 - weight)
        return -prior - sum(math.log(weight * 10**a + (1 - weight) * 10**b) for a, b in pairs)

    texts = ONE[:5] + OTHER[:20]
    found = best_weights(MODELS, texts)
    searched = min(np.linspace(0, 1, 1001)[1:-1], key=lambda weight: loss(weight, texts))
    assert found == pytest.approx([searched, 1 - searched], abs=2e-3)
    assert sum(found) == pytest.approx(1)


def test_without_texts_the_weights_are_equal():
    assert best_weights(MODELS, []) == [0.5, 0.5]


def test_a_model_that_no_text_is_like_keeps_the_weight_of_a_word():
    texts = [words for words in ONE for _ in range(20)]
    words = sum(len(text) + 1 for text in texts)
    assert 1 / (words + 2) < best_weights(MODELS, texts)[1] < 0.01


def test_models_of_different_words_are_not_mixed():
    with pytest.raises(ValueError, match="different vocabularies"):
        mixed([estimate(ONE, 2), MODELS[0]], [0.5, 0.5])
