"""Praat: TextGrids beside their recordings, `a.TextGrid` and `a.wav`, at any depth of the folder.

Long and short text files, in UTF-8 or UTF-16. `corpus.tier` names the tier; its empty intervals are
pauses. Where a pattern names several, each is a speaker.

The reader takes free-standing numbers and strings, and skips other words and comments, as Praat
does: https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html. praatio takes a file that
is cut between two intervals for a whole one, and refuses a text such as "item [1]".
"""

import re
from collections.abc import Iterator
from pathlib import Path

from voicegraft.preparing.corpus import Clip, CorpusError, CorpusSection
from voicegraft.preparing.paths import files, read_text
from voicegraft.preparing.segments import Segment, beside, seconds
from voicegraft.preparing.tiers import Annotation, Tier, clips_of_files
from voicegraft.speech.audio import legible

FILES = ("*.textgrid",)
# A string, with "" for a quotation mark; a comment; a word, such as a number or `xmin`.
TOKEN = re.compile(r'"((?:[^"]|"")*)"|![^\n]*|[^\s"]+')
NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")


def clips(folder: Path, downloads: Path, corpus: CorpusSection) -> Iterator[Clip]:  # noqa: ARG001
    """Yield the intervals with a text of each TextGrid, in the order of names and times."""
    paths = files(folder, ".textgrid")
    yield from clips_of_files(paths, lambda path: _read(path, folder), folder, corpus.tier)


def _read(path: Path, folder: Path) -> Annotation:
    values = _Values(path)
    if [values.string("file type"), values.string("class")] != ["ooTextFile", "TextGrid"]:
        raise CorpusError(f"{legible(path)}, line 1: it is no TextGrid in text")
    for name in ("xmin", "xmax"):
        values.number(name)
    tiers = [_tier(values) for _ in range(values.count("tiers"))]
    spoken = [tier for tier in tiers if tier is not None]
    return Annotation(path, beside(path, folder), spoken)


def _tier(values: "_Values") -> Tier | None:
    """Return the next tier, or None if it has points and no intervals."""
    kind = values.string("class of a tier")
    if kind not in ("IntervalTier", "TextTier"):
        raise values.error(f"a tier is of the class {kind[:40]!r}")
    name = values.string("name of a tier")
    for bound in ("xmin", "xmax"):
        values.number(bound)
    held = range(values.count("intervals"))
    if kind == "TextTier":
        for _ in held:
            values.number("time"), values.string("mark")
        return None
    read = [
        Segment(values.number("xmin"), values.number("xmax"), values.string("text").strip())
        for _ in held
    ]
    return Tier(name, [segment for segment in read if segment.text])


class _Values:
    """The free-standing values of a text file of Praat, one after another."""

    def __init__(self, path: Path):
        self.path, self.text, self.at = path, read_text(path), 0

    def error(self, why: str) -> CorpusError:
        line = self.text.count("\n", 0, self.at) + 1
        return CorpusError(f"{legible(self.path)}, line {line}: {why}")

    def _next(self, wanted: str) -> re.Match[str]:
        """Return the next string or number."""
        while found := TOKEN.search(self.text, self.at):
            if '"' in self.text[self.at : found.start()]:
                break  # a string that does not end
            self.at = found.end()
            if found[1] is not None or NUMBER.fullmatch(found[0]):
                return found
        raise self.error(f"the file ends where {wanted} should be")

    def string(self, wanted: str) -> str:
        """Return the next value, a string."""
        found = self._next(wanted)
        if found[1] is None:
            raise self.error(f"{wanted} should be in quotation marks, not {found[0][:40]}")
        return found[1].replace('""', '"')

    def number(self, wanted: str) -> float:
        """Return the next value, a number."""
        found = self._next(wanted)
        if found[1] is not None:
            raise self.error(f"{wanted} should be a number, not {found[0][:40]}")
        return seconds(found[0], f"{self.path}, {wanted}")

    def count(self, wanted: str) -> int:
        """Return the next value, how many follow."""
        number = self.number(f"the number of {wanted}")
        if number != int(number) or not 0 <= number <= len(self.text):
            raise self.error(f"it cannot hold {number:g} {wanted}")
        return int(number)
