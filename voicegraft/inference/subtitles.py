"""Cut words with times into subtitles: two lines of 42 columns and seven seconds at most.

The limits are those of the Timed Text Style Guide of Netflix,
https://partnerhelp.netflixstudios.com/hc/en-us/articles/215758617. A letter of Chinese, Japanese or
Korean takes two columns.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from voicegraft.inference.transcriber import Word

COLUMNS, LINES = 42, 2
LONGEST_SECONDS, SHORTEST_SECONDS = 7.0, 5 / 6
PAUSE_SECONDS = 1.0
"""A pause of this length ends a subtitle."""


@dataclass(frozen=True)
class Subtitle:
    """Lines of text, and when they are shown."""

    start_seconds: float
    end_seconds: float
    lines: Sequence[str]


@dataclass(frozen=True)
class _Unit:
    """What is not cut: a word, or a letter of a word that is wider than a line."""

    start: float
    end: float
    text: str
    before: str
    """What separates it from the unit before it in a line: a space, or nothing."""


def subtitles(words: Sequence[Word]) -> Iterator[Subtitle]:
    """Yield subtitles, in order; each is shown for a moment even if it was spoken faster."""
    found = list(_cut(_units(words)))
    starts = [*(units[0].start for units in found[1:]), float("inf")]
    for units, latest in zip(found, starts, strict=False):
        start, end = units[0].start, units[-1].end
        yield Subtitle(start, max(end, min(start + SHORTEST_SECONDS, latest)), _lines(units))


def _units(words: Iterable[Word]) -> Iterator[_Unit]:
    for word in words:
        pieces = [word.text] if _width(word.text) <= COLUMNS else list(word.text)
        step = (word.end_seconds - word.start_seconds) / len(pieces)
        for place, piece in enumerate(pieces):
            start = word.start_seconds + place * step
            yield _Unit(start, start + step, piece, "" if place else " ")


def _cut(units: Iterable[_Unit]) -> Iterator[list[_Unit]]:
    """Yield groups of units that fit one subtitle."""
    group: list[_Unit] = []
    for unit in units:
        if group and not _fits(group, unit):
            yield group
            group = []
        group.append(unit)
    if group:
        yield group


def _fits(group: Sequence[_Unit], unit: _Unit) -> bool:
    return (
        unit.start - group[-1].end < PAUSE_SECONDS
        and unit.end - group[0].start <= LONGEST_SECONDS
        and len(_lines([*group, unit])) <= LINES
    )


def _lines(units: Sequence[_Unit]) -> list[str]:
    """Return the text in lines, each as full as it can be."""
    lines = [""]
    for unit in units:
        longer = f"{lines[-1]}{unit.before if lines[-1] else ''}{unit.text}"
        if lines[-1] and _width(longer) > COLUMNS:
            lines.append(unit.text)
        else:
            lines[-1] = longer
    return lines


def _width(text: str) -> int:
    """Return the columns that `text` takes; combining marks take none."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return wide + sum(not unicodedata.combining(c) for c in text)
