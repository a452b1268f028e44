"""The transcripts and predicted classes that changed most between two revisions.

Git has numbers only; sentences are shown only to people who have the data.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import dvc.api
from dvc.exceptions import DvcException

from voicegraft.evaluation.classes.scores import ClassScore
from voicegraft.evaluation.errors import count_errors
from voicegraft.evaluation.paired import in_common
from voicegraft.review.escaping import Markdown, escaped
from voicegraft.review.revisions import Revision

SHOWN = 10
PLACES = ("data/predictions/{}.tsv", "data/{}/predictions.tsv")
"""Of the transcripts of a model of the pipeline, and of a study."""


@dataclass(frozen=True)
class Rewording:
    """A clip with different hypotheses by two models."""

    clip: str
    old_edits: int
    new_edits: int
    diff: Markdown
    """Removed words are ~~struck out~~, new words are **bold**."""


def most_reworded(model: str, old: Revision, new: Revision) -> list[Rewording] | None:
    """Return the clips whose character edits changed most; None without the texts."""
    tables = [_predictions(revision, model) for revision in (old, new)]
    return None if None in tables else rewordings(*tables)


def rewordings(
    before: Mapping[str, tuple[str, str]], after: Mapping[str, tuple[str, str]]
) -> list[Rewording]:
    """Return the clips whose edits changed most, of those with an unchanged reference.

    Args:
        before: (reference, hypothesis) by clip.
        after: the same for the other model.
    """
    both = [clip for clip in after if clip in before and before[clip][0] == after[clip][0]]
    differing = [_rewording(c, before[c], after[c]) for c in both if before[c][1] != after[c][1]]
    return sorted(differing, key=lambda r: (-abs(r.new_edits - r.old_edits), r.clip))[:SHOWN]


def word_diff(old: str, new: str) -> Markdown:
    """Return `new` with the words it replaced: ~~removed~~ **new**."""
    words = old.split(), new.split()
    parts = []
    for kind, i, j, k, m in SequenceMatcher(None, *words, autojunk=False).get_opcodes():
        gone, come = escaped(" ".join(words[0][i:j])), escaped(" ".join(words[1][k:m]))
        if kind == "equal":
            parts.append(come)
        else:
            parts += [f"~~{gone}~~"] * bool(gone) + [f"**{come}**"] * bool(come)
    return Markdown(" ".join(parts))


def _predictions(revision: Revision, model: str) -> dict[str, tuple[str, str]] | None:
    """Return reference and hypothesis by clip."""
    for place in PLACES:
        if (text := _stored(revision, place.format(model))) is not None:
            rows = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t")
            return {row["id"]: (row["reference"], row["hypothesis"]) for row in rows}
    return None


def _stored(revision: Revision, path: str) -> str | None:
    """Return the text of an output of DVC, if it is at hand."""
    try:
        if revision.name is None:
            return revision.read(path)
        return dvc.api.read(path, repo=str(revision.root), rev=revision.commit)
    except (DvcException, OSError):
        return None


def _rewording(clip: str, old: tuple[str, str], new: tuple[str, str]) -> Rewording:
    edits = [count_errors(*texts).character_edits for texts in (old, new)]
    return Rewording(clip, *edits, word_diff(old[1], new[1]))


@dataclass(frozen=True)
class Reclassified:
    """A clip with another predicted class."""

    old: ClassScore
    new: ClassScore

    @property
    def verdict(self) -> str:
        """Return better, worse, or indistinguishable if both predictions are wrong."""
        if self.new.correct:
            return "better"
        return "worse" if self.old.correct else "indistinguishable"


ORDER = ("worse", "better", "indistinguishable")


def reclassified(old: Sequence[ClassScore], new: Sequence[ClassScore]) -> list[Reclassified]:
    """Return common clips with a changed class: newly wrong ones first, sorted by confidence."""
    pairs = zip(*in_common(old, new), strict=True)
    found = [Reclassified(*pair) for pair in pairs if pair[0].predicted != pair[1].predicted]
    return sorted(found, key=lambda r: (ORDER.index(r.verdict), -r.new.probability, r.new.id))
