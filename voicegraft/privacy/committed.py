"""What the files that git keeps give away to whoever has a recording, a name or a sentence.

Three attacks, which need nothing but the files: to find a row by the length of a recording and the
counts of its text (linking: Sweeney 2002, https://doi.org/10.1142/S0218488502001648); to find names
of clips, voices and sessions as they are; and to find sentences. Clips of train are in no table, so
they tell how often a row is found by chance.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from voicegraft.evaluation.predictions import SCORED
from voicegraft.privacy.verdict import CONTENT, MEMBERSHIP, NONE, Finding
from voicegraft.speech.manifest import Utterance

SUBJECT = "committed files"
TABLE = "*/utterances.csv"
DELIMITERS = {".csv": ",", ".tsv": "\t"}
TENTHS = 10
FEWEST_WORDS = 3
"""Of a sentence that is looked for: shorter ones are said by anybody."""


@dataclass(frozen=True)
class Committed:
    """What was found, and of how many.

    Attributes:
        linked: clips of test and unseen that a row fits, by length and counts.
        scored: clips of test and unseen.
        by_chance: clips of train that a row fits, though none is theirs.
        train: clips of train.
        names: names of clips, voices and sessions that are there as they are.
        sentences: transcripts that are there, of three words or more.
    """

    linked: int
    scored: int
    by_chance: int
    train: int
    names: int
    sentences: int

    @property
    def finding(self) -> Finding:
        """For the verdict."""
        right, wrong = self.linked / max(self.scored, 1), self.by_chance / max(self.train, 1)
        evidence = (
            f"who has a recording and its text finds a row for {100 * right:.0f} % of test and "
            f"unseen clips, and for {100 * wrong:.0f} % of train, which has none; "
            f"{self.names} names and {self.sentences} sentences are there as they are"
        )
        known = MEMBERSHIP if self.names or right > wrong else NONE
        return Finding(SUBJECT, CONTENT if self.sentences else known, evidence)


def attacked(folder: Path, clips: Sequence[Utterance]) -> Committed:
    """Return what files in `folder`, in UTF-8, give away of `clips` of all splits."""
    rows = {row for file in folder.glob(TABLE) for row in _rows(file)}
    scored, train = ([c for c in clips if c.split in of] for of in (SCORED, ("train",)))
    files = (path for path in folder.rglob("*") if path.is_file())
    cells = {cell for path in files for cell in _cells(path)}
    text = "\n".join(sorted(cells))
    return Committed(
        linked=sum(_known(clip) in rows for clip in scored),
        scored=len(scored),
        by_chance=sum(_known(clip) in rows for clip in train),
        train=len(train),
        names=len(_names(clips) & cells),
        sentences=sum(len(c.text.split()) >= FEWEST_WORDS and c.text in text for c in clips),
    )


def _rows(table: Path) -> Iterator[tuple[int, int, int]]:
    with open(table, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if "characters" in row:  # tables of classes have none
                seconds, counts = float(row["seconds"]), (row["characters"], row["words"])
                yield int(seconds * TENTHS), *map(int, counts)


def _known(clip: Utterance) -> tuple[int, int, int]:
    """Return what whoever has a recording and its text knows of its row."""
    return int(clip.seconds * TENTHS), len(clip.text), len(clip.text.split())


def _names(clips: Sequence[Utterance]) -> set[str]:
    return {name for clip in clips for name in (clip.id, clip.speaker, clip.session)} - {""}


def _cells(file: Path) -> Iterator[str]:
    """Yield the cells of a table, the keys and strings of JSON, or the lines of what else it is."""
    text = file.read_text(encoding="utf-8", errors="replace")
    if file.suffix == ".json":
        yield from _strings(json.loads(text))
    elif file.suffix in DELIMITERS:
        table = csv.reader(text.splitlines(), delimiter=DELIMITERS[file.suffix])
        yield from chain.from_iterable(table)
    else:
        yield from text.splitlines()


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.items() if isinstance(value, dict) else value:
            yield from _strings(list(part) if isinstance(part, tuple) else part)
