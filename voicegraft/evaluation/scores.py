"""utterances.csv: a line of numbers for each clip, from which every rate can be computed again."""

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
    """A clip and its errors: numbers only, for a corpus' sentences belong to others."""

    RATES: ClassVar = {"cer": ("character_edits", "characters"), "wer": ("word_edits", "words")}
    """Each rate with its errors and what they are out of; a verdict goes by the first."""

    id: str
    split: str
    speaker: str
    session: str
    block: str  # of the whole split; where units cross, the cell
    seconds: float
    unknown_characters: int  # of the reference, that the model has no label for
    reference: str = ""  # as `reference_mark` has it; "" in a table from before there were marks

    @property
    def cer(self) -> float:
        """Character error rate of this clip alone."""
        return rate(self.character_edits, self.characters)

    @property
    def task(self) -> tuple[str, str, int, int]:
        """What makes a clip the same for two models: another reference is another task."""
        return self.id, self.split, self.characters, self.words


TYPES = {f.name: f.type for f in fields(Score)}
COLUMNS = (
    *("id", "split", "speaker", "session", "block", "seconds"),
    *("characters", "character_edits", "words", "word_edits", "unknown_characters", "reference"),
)
MARK_DIGITS = 4
"""Hexadecimal, so 16 bits. A salt that is public stops tables made beforehand, but nobody who tries
sentences one by one; a slow hash delays that by as much as it delays us, for each of 10,000 clips.
Few bits are the bound that computing does not move: of 65,536 sentences of the same length one has
the mark by chance. To see a change they do: one in 65,536 goes unseen."""


def score(
    utterances: Sequence[Utterance], hypotheses: Sequence[str], labels: Collection[str] | None
) -> list[Score]:
    """Count the errors of each hypothesis; `labels` None means the model can write anything."""
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
    """Return a few bits of a hash of a clip's reference, by which a change of it can be seen.

    The clip's id is the salt: it stays where the corpus is prepared anew, and the same sentence
    has another mark in another clip.
    """
    salted = f"{clip}\n{text}".encode("utf-8", "surrogateescape")
    return hashlib.sha256(salted).hexdigest()[:MARK_DIGITS]


def blocks_by_split(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Return the block of each clip, by id: chosen for each side of the corpus by itself."""
    found: dict[str, str] = {}
    for split in dict.fromkeys(u.split for u in utterances):
        clips = [u for u in utterances if u.split == split]
        found |= zip((u.id for u in clips), choose_blocks(clips).names, strict=True)
    return found


def write_scores(path: Path, scores: Sequence[Score]) -> None:
    """Write `scores` in the order given."""
    write_rows(path, COLUMNS, ([getattr(s, name) for name in COLUMNS] for s in scores))


def parse_scores(table: str) -> list[Score]:
    """Return the scores in the order of utterances.csv, given its text."""
    return [parse_score(row) for row in csv.DictReader(io.StringIO(table, newline=""))]


def parse_score(row: Mapping[str, str]) -> Score:
    """Return the score of one line, given its cells by column."""
    return Score(**{name: TYPES[name](value) for name, value in row.items()})
