"""Signs in texts that are odd in their place, and what prepare_data does to each."""

import unicodedata
from collections.abc import Callable, Iterator

from voicegraft.checking.characters import Odd, Tally, named
from voicegraft.preparing.text import APOSTROPHES, JOINERS, TextSection, normalise

FEWEST = 3
"""A sign within fewer words is a missing space, and no letter."""


def odd_signs(words: Tally, section: TextSection) -> Iterator[Odd]:
    """Yield what is odd of a sign alone, or between its neighbours.

    Args:
        words: as they are written, parted by plain spaces.
        section: how texts are normalised.
    """
    for why, is_odd in ODD.items():
        met = Tally()
        for word, count, file in words.each():
            if word.isascii() and word.isalpha() and word.islower():
                continue
            around = zip(" " + word, word, f"{word[1:]} ", strict=False)
            met.add((sign for before, sign, after in around if is_odd(before, sign, after)),
                    file, count)  # fmt: skip
        for sign, count, file in met.each():
            if is_odd not in OFTEN_MEANT or _is_lost(sign, count, section):
                filled = why.format(fate=fate(sign, section), plain=_plain(sign))
                yield Odd(named(sign), filled, count, file)


def fate(sign: str, section: TextSection) -> str:
    """Return what prepare_data does to a sign within a word."""
    written = normalise(f"a{sign}a", section)
    if sign in APOSTROPHES:
        return "takes it for an apostrophe"
    ways = {"aa": "takes it out", "a a": "writes a space for it", f"a{sign}a": "keeps it"}
    return ways.get(written, f"makes {written[1:-1]!r} of it")


def _is_lost(sign: str, count: int, section: TextSection) -> bool:
    return count >= FEWEST and fate(sign, section) != "keeps it"


def _plain(sign: str) -> str:
    return unicodedata.normalize("NFKC", sign)


def _is_private(before: str, sign: str, after: str) -> bool:  # noqa: ARG001
    return unicodedata.category(sign) in ("Co", "Cn")


def _is_lost_already(before: str, sign: str, after: str) -> bool:  # noqa: ARG001
    return sign == "\N{REPLACEMENT CHARACTER}"


def _is_invisible(before: str, sign: str, after: str) -> bool:  # noqa: ARG001
    kind = unicodedata.category(sign)
    return kind in ("Cc", "Cf", "Zs", "Zl", "Zp") and sign not in JOINERS


def _is_for_display(before: str, sign: str, after: str) -> bool:  # noqa: ARG001
    kind = unicodedata.category(sign)
    return kind in ("Lu", "Ll", "Lo") and _plain(sign) != unicodedata.normalize("NFC", sign)


def _is_loose(before: str, sign: str, after: str) -> bool:  # noqa: ARG001
    return unicodedata.category(sign) == "Mn" and unicodedata.category(before)[0] not in "LMN"


def _is_tone(before: str, sign: str, after: str) -> bool:  # noqa: ARG001
    """Return whether a sign that is no letter stands behind one, as tones are written."""
    kind = unicodedata.category(sign)
    return (kind in ("Sk", "No", "Nd") or sign in "^~") and _is_letter(before)


def _is_within_words(before: str, sign: str, after: str) -> bool:
    kind = unicodedata.category(sign)
    is_sign = kind in ("Po", "Sm", "So", "Pc") and sign not in APOSTROPHES
    return is_sign and sign not in "^~" and _is_letter(before) and _is_letter(after)


def _is_inner_capital(before: str, sign: str, after: str) -> bool:  # noqa: ARG001
    return unicodedata.category(sign) == "Lu" and unicodedata.category(before) == "Ll"


def _is_letter(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "LM"


ODD: dict[str, Callable[[str, str, str], bool]] = {
    "has no meaning of its own: other machines show another sign": _is_private,
    "stands for what was lost when a file was converted": _is_lost_already,
    "cannot be seen: prepare_data {fate}": _is_invisible,
    "is a form for display of {plain}": _is_for_display,
    "is a mark without a letter before it": _is_loose,
    "stands behind a letter, as tones do: prepare_data {fate}": _is_tone,
    "stands within words: prepare_data {fate}, unless text.also_keep has it": _is_within_words,
    "is a capital within a word: prepare_data {fate}, unless text.case is keep":
        _is_inner_capital,
}  # fmt: skip
OFTEN_MEANT = (_is_within_words, _is_inner_capital)
"""No mistake, if prepare_data keeps them."""
