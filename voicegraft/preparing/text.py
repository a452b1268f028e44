"""Normalise transcripts in any script; letters of all scripts are kept."""

import re
import unicodedata
from typing import Literal

from voicegraft.pipeline.params import Section

APOSTROPHE = "'"
# Typographic, opening, reversed, modifier letter, acute, grave, full width: people type them all.
APOSTROPHES = "'\u2019\u2018\u201b\u02bc\u00b4\u0060\uff07"

# Zero-width joiner and non-joiner distinguish words in Persian, Hindi, Malayalam …
JOINERS = "\u200c\u200d"
ZERO_WIDTH_SPACE = "\u200b"  # separates words in Khmer, Thai …

# Patterns on `_shape` of a text: a pair of quotation marks, and an apostrophe in a word.
QUOTED = re.compile(r"(?<!w)'(?! )(?:[^']|(?<=w)'(?=w))*(?<! )'(?!w)")
OF_A_WORD = re.compile(r"(?<=w)'|'(?=w)")


class TextSection(Section):
    """How transcripts are normalised, for training and for scoring."""

    case: Literal["lower", "lower_turkic", "keep"]
    punctuation: Literal["remove", "keep"]
    apostrophes: Literal["keep", "remove", "split"]
    also_keep: str


def normalise(text: str, section: TextSection) -> str:
    """Return `text` in NFC, with single spaces; hyphens and dashes separate words."""
    text = unicodedata.normalize("NFC", _lower(text, section.case))
    text = _unify_apostrophes(text, section)
    kept = set(section.also_keep) | ({APOSTROPHE} if section.apostrophes == "keep" else set())
    text = "".join(c if c in kept else _spell(c, section.punctuation) for c in text)
    return " ".join(word for word in text.split() if word.strip(JOINERS))


def _lower(text: str, case: str) -> str:
    if case == "lower_turkic":  # Turkish, Azerbaijani, Tatar …: I is ı, İ is i
        text = text.replace("I", "ı").replace("İ", "i")
    return text if case == "keep" else text.lower()


def _unify_apostrophes(text: str, section: TextSection) -> str:
    """Write all apostrophes in words as one sign, and those used as quotation marks as spaces."""
    shape = _shape(text)
    for quoted in QUOTED.finditer(shape):
        for at in (quoted.start(), quoted.end() - 1):
            shape = f"{shape[:at]} {shape[at + 1 :]}"
    instead = {"keep": APOSTROPHE, "remove": "", "split": " "}[section.apostrophes]
    own = {match.start() for match in OF_A_WORD.finditer(shape)}
    other = " " if section.punctuation == "remove" else APOSTROPHE
    return "".join(
        c if c not in APOSTROPHES else instead if i in own else other for i, c in enumerate(text)
    )


def _shape(text: str) -> str:
    """Return w for each letter, mark, digit or joiner, ' for apostrophes, and . for other signs.

    Python's own \\w excludes combining marks, such as Yoruba's tones.
    """
    return "".join(
        "'" if c in APOSTROPHES else "w" if c in JOINERS or _kind(c) in "LMN" else _blank(c)
        for c in text
    )


def _kind(char: str) -> str:
    return unicodedata.category(char)[0]


def _blank(char: str) -> str:
    return " " if char.isspace() else "."


def _spell(char: str, punctuation: str) -> str:
    """Return `char`, or a space or nothing in its place."""
    if char in JOINERS:
        return char
    if unicodedata.category(char) == "Cf":  # soft hyphens, marks of direction, byte order …
        return " " if char == ZERO_WIDTH_SPACE else ""
    parts_words = _kind(char) in "CZ" or unicodedata.category(char) == "Pd"
    return " " if parts_words or (punctuation == "remove" and _kind(char) in "PS") else char
