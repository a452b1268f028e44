"""utterances.csv: a line of numbers for each clip, from which every rate can be computed."""

import csv
import hashlib
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import ClassVar

from voicegraft.evaluation.blocks import choose_blocks
from voicegraft.evaluation.errors import Errors, count_errors, rate
from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.manifest import Utterance


@dataclass(frozen=True)
class Score(Errors):
    """A clip and its errors: numbers only, because a corpus' sentences belong to others."""

    RATES: ClassVar = {"cer": ("character_edits", "characters"), "wer": ("word_edits", "words")}
    """Each rate with the fields of its numerator and denominator; the first decides verdicts."""

    id: str
    split: str
    speaker: str
    session: str
    block: str  # within the whole split; for crossed units, the cell
    seconds: float
    unknown_characters: int  # in the reference, without a label in the model
    reference: str = ""  # from `reference_mark`; "" in tables of older versions

    @property
    def cer(self) -> float:
        """Character error rate of this clip."""
        return rate(self.character_edits, self.characters)

    @property
    def task(self) -> tuple[str, str, int, int]:
        """The key by which clips of two models are the same, including the reference's length."""
        return self.id, self.split, self.characters, self.words


TYPES = {f.name: f.type for f in fields(Score)}
COLUMNS = (
    *("id", "split", "speaker", "session", "block", "seconds"),
    *("characters", "character_edits", "words", "word_edits", "unknown_characters", "reference"),
)
MARK_DIGITS = 4
"""Hexadecimal, so 16 bits. A public salt prevents precomputed tables, but not a search over guessed
sentences. A slow hash would cost us as much as an attacker, for each of 10,000 clips. Few bits are
a bound that does not depend on computing power: one of 65,536 sentences of the same length has the
mark by chance. They are enough to detect a change: one in 65,536 is missed."""


def score(
    utterances: Sequence[Utterance], hypotheses: Sequence[str], labels: Collection[str] | None
) -> list[Score]:
    """Count the errors of each hypothesis; with `labels` None, no character is unknown."""
    blocks = blocks_by_split(utterances)
    return [
        _score(utterance, hypothesis, blocks[utterance.id], labels)
        for utterance, hypothesis in zip(utterances, hypotheses, strict=True)
    ]


def _score(
    utterance: Utterance, hypothesis: str, block: str, labels: Collection[str] | None
) -> Score:
    unknown = [] if labels is None else [c for c in utterance.text if c not in labels]
    return Score(
        **asdict(count_errors(utterance.text, hypothesis)),
        id=utterance.id,
        split=utterance.split,
        speaker=utterance.speaker,
        session=utterance.session,
        block=block,
        seconds=round(utterance.seconds, 3),
        unknown_characters=len(unknown),
        reference=reference_mark(utterance.id, utterance.text),
    )


def reference_mark(clip: str, text: str) -> str:
    """Return a few bits of a hash of a clip's reference, which detect a change of it.

    The clip's id is the salt: it is stable when the corpus is prepared again, and the same sentence
    has another mark in another clip.
    """
    salted = f"{clip}\n{text}".encode("utf-8", "surrogateescape")
    return hashlib.sha256(salted).hexdigest()[:MARK_DIGITS]


def blocks_by_split(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Return the block of each clip, by id; units are chosen for each split separately."""
    found: dict[str, str] = {}
    for split in dict.fromkeys(u.split for u in utterances):
        clips = [u for u in utterances if u.split == split]
        found |= zip((u.id for u in clips), choose_blocks(clips).names, strict=True)
    return found


def write_scores(path: Path, scores: Sequence[Score]) -> None:
    """Write `scores` in the order given."""
    write_rows(path, COLUMNS, ([getattr(s, name) for name in COLUMNS] for s in scores))


def parse_scores(table: str) -> list[Score]:
    """Parse the text of utterances.csv."""
    return [parse_score(row) for row in csv.DictReader(io.StringIO(table, newline=""))]


def parse_score(row: Mapping[str, str]) -> Score:
    """Return the score of one line of utterances.csv."""
    return Score(**{name: TYPES[name](value) for name, value in row.items()})
