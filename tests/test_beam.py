"""Beam search by flashlight-text, against the likeliest texts by counting all of them."""

import itertools

import numpy as np
import pytest
from arpa_reader import read_arpa
from spelling_emissions import LABELS, emission, write_language

from voicegraft.language.arpa import is_installed
from voicegraft.language.beam import SymbolSearch, WordSearch
from voicegraft.language.folder import SYMBOLS, WORDS, read_lexicon, token_of
from voicegraft.model import ctc

pytestmark = pytest.mark.skipif(not is_installed(), reason="flashlight-text is not installed")


@pytest.fixture
def language(tmp_path):
    return write_language(tmp_path / "language")


def test_the_word_search_writes_words_of_the_lexicon_alone(language):
    known = read_lexicon(language)
    search = WordSearch(LABELS, language / WORDS, known)
    for text in ("abca cede", "řada", "eeee dddd"):
        found = list(search(emission(text).numpy()))
        assert found and all(set(hypothesis.split()) <= set(known) for hypothesis in found)


def test_the_word_search_mends_a_letter_and_keeps_the_last_word(language):
    search = WordSearch(LABELS, language / WORDS, read_lexicon(language))
    wrong = emission("abca beře", "abba beře", 0.6)
    assert ctc.greedy(wrong, LABELS) == "abca beře"
    assert next(search(wrong.numpy())) == "abba beře"


def test_the_symbol_search_can_write_a_word_that_no_text_has(language):
    search = SymbolSearch(LABELS, language / SYMBOLS)
    assert next(search(emission("deřa abba", sure=0.999).numpy())) == "deřa abba"


def test_the_symbol_search_finds_the_likeliest_of_all_strings(language):
    labels = ["", "a", "b"]
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(4, 3)).astype(np.float32)
    frames = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    model = read_arpa(language / SYMBOLS)
    search = SymbolSearch(labels, language / SYMBOLS)

    def best_path(text):  # the search takes the likeliest path, not the sum over all
        paths = itertools.product(range(3), repeat=4)
        spelled = [p for p in paths if "".join(labels[k] for k, _ in itertools.groupby(p)) == text]
        return max((sum(frames[t, k] for t, k in enumerate(p)) for p in spelled), default=-np.inf)

    def total(text):
        tokens = [token_of(symbol) for symbol in text]
        return best_path(text) + sum(model.score(tokens)) * np.log(10)

    texts = ["".join(t) for n in range(4) for t in itertools.product("ab", repeat=n)]
    assert next(search(frames)) == max(texts, key=total)


def test_likelihoods_of_all_texts_add_up_to_one():
    labels = ["", "a", "b"]
    frames = emission("ab", sure=0.5, labels=labels)[:3]
    texts = ["".join(t) for n in range(4) for t in itertools.product("ab", repeat=n)]
    possible = [t for t in texts if ctc.frames_needed(ctc.target(t, labels)) <= 3]
    found = ctc.log_likelihoods(frames, [ctc.target(t, labels) for t in possible])
    assert found.exp().sum().item() == pytest.approx(1, abs=1e-4)


def test_reading_a_model_prints_nothing(language, capfd):
    SymbolSearch(LABELS, language / SYMBOLS)
    assert capfd.readouterr() == ("", "")
