import unicodedata

import pytest

from voicegraft.preparing.text import TextSection, normalise

DEFAULT = {"case": "lower", "punctuation": "remove", "apostrophes": "keep", "also_keep": ""}


def normalised(text, **changes):
    return normalise(text, TextSection(**(DEFAULT | changes)))


@pytest.mark.parametrize(
    "text",
    [
        "příliš žluťoučký kůň",  # Czech
        "ẹ̀kọ́ ọ̀rẹ́ ṣé ń lọ",  # Yoruba: sub-dots and tones, some only as combining marks
        "हिन्दी में लिखा",  # vowel signs and virama
        "می‌خواهم",  # zero-width non-joiner
        "ക്‍",  # zero-width joiner at the end of a word
        "ภาษาไทย ที่นี่",  # Thai vowels and tones
        "שלום עולם",
        "это дом",
        "你好",
        "ꦧꦱ",  # Javanese
        "k̓ala",  # a letter with a mark that has no composed form
    ],
)
def test_every_script_comes_through_whole(text):
    assert normalised(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("Ahoj,  světe!", "ahoj světe"),
        ("tab\tand\nline", "tab and line"),
        ("unit\x1dseparator", "unit separator"),
        ("soft\u00adhyphen \ufeffmark\u200f", "softhyphen mark"),
        ("ano–ne, bude-li…pak", "ano ne bude li pak"),
        ("„Ano“ «ne» “so”", "ano ne so"),
        ("क्या? हाँ।", "क्या हाँ"),
        ("\U0001f469\u200d\U0001f680 go", "go"),
        ("e\u0301", "é"),
        ("... !", ""),
        ("", ""),
    ],
)
def test_what_is_no_word_becomes_a_space_or_nothing(given, wanted):
    assert normalised(given) == wanted


@pytest.mark.parametrize("sign", list("'’‘ʼ´`＇"))
def test_apostrophes_of_all_kinds_are_one(sign):
    assert normalised(f"auto{sign}s") == "auto's"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("In 's hemelsnaam", "in 's hemelsnaam"),
        ("vypad’.", "vypad'"),
        ("'n man", "'n man"),
        ("řekl 'voda'!", "řekl voda"),
        ("'Kam běžíš? Tam!’ A šel.", "kam běžíš tam a šel"),
        ("‘I don't know’", "i don't know"),
        ("5 ' 6", "5 6"),
        ("ọ́'ọ́ ọ́’ ‘ọ́’", "ọ́'ọ́ ọ́' ọ́"),
        ("ക്‍’ a", "ക്‍' a"),
    ],
)
def test_apostrophes_belong_to_words_and_quotation_marks_do_not(given, wanted):
    assert normalised(given) == unicodedata.normalize("NFC", wanted)


def test_apostrophes_can_be_left_out_or_part_words():
    assert normalised("zo'n", apostrophes="remove") == "zon"
    assert normalised("l’ami", apostrophes="split") == "l ami"


def test_punctuation_and_case_can_stay():
    assert normalised("Ano, „pane“! O'Neil", punctuation="keep", case="keep") == (
        "Ano, „pane“! O'Neil"
    )


def test_single_characters_can_be_kept_though_they_are_punctuation():
    assert normalised("col·lecció, bé", also_keep="·") == "col·lecció bé"


def test_turkic_lower_case_has_a_dotless_i():
    assert normalised("IĞDIR İzmir", case="lower_turkic") == "ığdır izmir"


@pytest.mark.parametrize("text", ["Ẹ̀KỌ́ – ’N ‘ok’ e\u0301\u200d", "a\u00ad'b"])
def test_normalising_twice_changes_nothing(text):
    assert normalised(normalised(text)) == normalised(text)
