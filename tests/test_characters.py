"""Odd characters of texts are named, each for what is wrong with it, and sound texts are not."""

import unicodedata

import pytest
from prepared import PARAMS

from voicegraft.checking.characters import Tally
from voicegraft.checking.findings import oddities
from voicegraft.preparing.text import TextSection, normalise

SECTION = TextSection(**PARAMS["prepare_data"]["text"])


def found(*texts, **knobs):
    """Return what is odd of texts, each in a file of its own: 0, 1, 2 …"""
    section = SECTION.model_copy(update=knobs)
    words, letters = Tally(), Tally()
    for number, text in enumerate(texts):
        words.add(text.split(" "), str(number))
        letters.add(normalise(text, section).replace(" ", ""), str(number))
    return list(oddities(words, letters, section))


@pytest.mark.parametrize(
    "text",
    [
        "Příliš žluťoučký kůň, úpěl – ďábelské ódy. Qu'est-ce que c'est ?",
        "Ẹ̀kọ́ ń ṣe wá; ọmọ mi",
        "Это просто русский текст. Ты знаешь?",
        "これは日本語のテストです。カタカナも",
        "नमस्ते दुनिया क्‍ष",
        "می‌خواهم بروم",
        "ภาษาไทยเป็นภาษา",
        "한국어 문장입니다",
        "co-operate l'homme l'eau l'an o’clock 100 %",
    ],
)
def test_sound_texts_of_many_scripts_have_nothing_odd(text):
    assert found(unicodedata.normalize("NFC", text)) == []


@pytest.mark.parametrize(
    ("text", "character", "why"),
    [
        ("pes а kočk\u0430 bere", "CYRILLIC SMALL LETTER A, U+0430", "within words of LATIN"),
        ("b\u1f78 ni ilé", "GREEK SMALL LETTER OMICRON WITH VARIA", "within words of LATIN"),
        ("мoре и небо и всё остальное", "LATIN SMALL LETTER O, U+006F", "within words of CYRILLIC"),
        ("toto je e\ue123 v", "no name, U+E123", "no meaning of its own"),
        ("kav\ufffdrna", "REPLACEMENT CHARACTER", "was lost when a file was converted"),
        ("dva\u00a0psi", "NO-BREAK SPACE", "cannot be seen: prepare_data writes a space"),
        ("slo\u00advo", "SOFT HYPHEN", "cannot be seen: prepare_data takes it out"),
        ("dva\tpsi", "no name, U+0009", "cannot be seen: prepare_data writes a space"),
        ("ﬁ la", "LATIN SMALL LIGATURE FI", "is a form for display of fi"),
        ("pes \u0301e", "◌\u0301 (COMBINING ACUTE ACCENT", "a mark without a letter before it"),
        ("ma1 ma", "DIGIT ONE", "stands behind a letter, as tones do: prepare_data keeps it"),
        ("ma\u02e5 ma", "EXTRA-HIGH TONE BAR", "as tones do: prepare_data writes a space"),
        ("ma\u00b4 ma", "ACUTE ACCENT", "as tones do: prepare_data takes it for an apostrophe"),
        ("ma^ ma", "CIRCUMFLEX ACCENT", "as tones do: prepare_data"),
    ],
)
def test_an_odd_character_is_named_with_a_file_that_it_is_in(text, character, why):
    odd = [o for o in found("toto je dobře", text) if character in o.character]
    assert [why in o.why for o in odd] == [True]
    assert (odd[0].count, odd[0].file) == (1, "1")


def test_two_spellings_of_one_letter_are_told_by_the_rarer_with_both_counts():
    (odd,) = found("é é é", "e\u0301")
    assert odd.character.startswith("e\u0301 (LATIN SMALL LETTER E, U+0065 + COMBINING ACUTE")
    assert "written as é (LATIN SMALL LETTER E WITH ACUTE, U+00E9) 3 times" in odd.why
    assert (odd.count, odd.file) == (1, "1")


def test_marks_in_another_order_are_another_spelling():
    assert len(found("o\u0323\u0301", "o\u0301\u0323")) == 1
    assert found("o\u0323\u0301", "o\u0323\u0301") == []


def test_of_two_letters_that_look_the_same_the_rarer_is_named():
    (odd,) = found("mə ǝ nə də")
    assert "TURNED E" in odd.character and "SCHWA, U+0259), which comes 3 times" in odd.why
    assert found("ǝ nǝ") == []


def test_words_that_are_all_of_another_script_are_one_line():
    (odd,) = found("toto je slovo", "да нет")
    assert (odd.character, odd.count) == ("CYRILLIC letters", 5)


def test_a_sign_within_words_is_odd_if_it_is_lost_and_is_there_often():
    (odd,) = found("col·legi il·lusió", "pa·rat")
    assert "MIDDLE DOT" in odd.character and odd.count == 3
    assert "writes a space for it, unless text.also_keep has it" in odd.why
    assert found("col·legi il·lusió", "pa·rat", also_keep="·") == []
    assert found("col·legi") == []


def test_capitals_within_words_are_odd_if_they_are_lost():
    (odd,) = found("isiZulu isiZwe siZa")
    assert "LETTER Z" in odd.character and "makes 'z' of it" in odd.why
    assert found("isiZulu isiZwe siZa", case="keep") == []


def test_a_letter_that_comes_twice_in_two_thousand_is_named_and_a_digit_is_not():
    (odd,) = found("ano " * 1000, "wow 7")
    assert (odd.character, odd.count) == ("w (LATIN SMALL LETTER W, U+0077)", 2)
    assert found("ano " * 10, "wow") == []
