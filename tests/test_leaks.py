"""Scored sentences, and what is nearly one, in texts for a language model."""

import random
import time

import pytest

from voicegraft.language.leaks import Scored

SCORED = [
    "ta stará loď leží na dně už sto let",
    "nikdo z nás neumí otevřít ty zelené dveře",
    "ano",
    "kde je ten kámen",
    "pozor na hlavu",
]
OTHER = [
    "ryba plave v moři",
    "kámen",
    "ano to je pravda",
    "loď odplula dřív než přišla bouře",
    "dveře jsou zase zavřené a nikdo nemá klíč",
    "na dně je stará loď",
]


def leaks(*texts, scored=SCORED):
    found = Scored(text.split() for text in scored)
    return found.leaks([text.split() for text in texts]).tolist()


def test_a_scored_sentence_leaks_however_short():
    assert leaks(*SCORED) == [True] * len(SCORED)


def test_other_sentences_of_the_same_words_stay():
    assert leaks(*OTHER) == [False] * len(OTHER)


@pytest.mark.parametrize(
    "text",
    [
        "tastará loď lleží na dně uš sto let",
        "ta stara lod lezi na dne uz sto let",
        "jednou jsem slyšel že ta stara loť leží nadně už sto lez a nikdo tomu nevěřil",
        "nikdo z nás neumí zamknout ty zelené dveře",
        "a proto nikdo z nás neumí otevřít",
        "neumi otevrit ty zelené",
        "pozorr na hlavu",
        "kde je tenkámen",
    ],
)
def test_typos_words_around_and_pieces_hide_nothing(text):
    assert leaks(text) == [True]


def test_a_short_sentence_within_a_longer_one_stays():
    assert leaks("kde je ten kámen o kterém tolik mluvil") == [False]


def test_a_leak_is_found_wherever_it_is_among_many(monkeypatch):
    monkeypatch.setattr("voicegraft.language.leaks.AT_ONCE", 4)
    texts = [*OTHER, SCORED[0], *OTHER, SCORED[3], *OTHER]
    assert leaks(*texts) == [text in SCORED for text in texts]


def test_scripts_without_spaces_are_compared_by_characters():
    scored = ["我们昨天在山上看见了一只很大的黑鸟它飞得非常高"]
    near = "后来我们昨天在山上看见了一直很大的黑鸟它飞得非常高真的"
    assert leaks(near, "我们昨天在山上", scored=scored) == [True, False]


def test_without_scored_sentences_nothing_leaks():
    assert leaks("ano", scored=[]) == [False]
    assert leaks("ano", "ne", scored=["ne"]) == [False, True]
    assert leaks(scored=SCORED) == []


def test_twenty_thousand_sentences_take_seconds():
    drawn = random.Random(1)
    syllables = [a + b for a in "bdfghjklmnprstvz" for b in "aeiouy"]
    vocabulary = ["".join(drawn.choices(syllables, k=drawn.randint(1, 4))) for _ in range(5000)]
    texts = [drawn.choices(vocabulary, k=10) for _ in range(20_600)]
    began = time.monotonic()
    found = Scored(texts[:600]).leaks(texts[600:])
    assert found.sum() < 20
    assert time.monotonic() - began < 60
