"""The review of each pipeline of a project: texts at the root, classes in words/.

A review is a comparison, and the rules of a check that can stop a pull request.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import NonNegativeFloat

from voicegraft.evaluation.classes.open_set import evaluate_of
from voicegraft.evaluation.classes.scores import ClassScore
from voicegraft.evaluation.summary import Evaluate
from voicegraft.pipeline.params import (
    CLASSIFICATION,
    PARAMS_FILE,
    TRANSCRIPTION,
    Section,
    load_params,
    load_task,
)
from voicegraft.review import markdown
from voicegraft.review.comparison import Comparison, compare
from voicegraft.review.rates import NAMES
from voicegraft.review.revisions import Revision, RevisionError
from voicegraft.review.transcripts import most_reworded, reclassified

NESTED = ("words",)


class Gate(Section):
    """The largest allowed rise of each rate; only significant rises break a rule."""

    cer: NonNegativeFloat
    wer: NonNegativeFloat


class ClassGate(Section):
    """The same for classes."""

    error_rate: NonNegativeFloat


class Compare(Section):
    """Knobs of the section `compare`."""

    gate: Gate


class CompareClasses(Section):
    """Knobs of the section `compare` for classification."""

    gate: ClassGate


SECTIONS = {TRANSCRIPTION: Compare, CLASSIFICATION: CompareClasses}


def broken(comparison: Comparison, gate: Gate | ClassGate) -> Iterator[str]:
    """Yield a line for each rule that is broken."""
    for split in comparison.splits:
        for metric, limit in gate:
            change = split.rates[metric]
            if change.verdict == "worse" and change.change > limit:
                yield (
                    f"{split.model}, {split.split}: {NAMES[metric]} rose by "
                    f"{100 * change.change:.1f}, from {100 * change.old:.1f} to "
                    f"{100 * change.new:.1f}; compare.gate.{metric} allows {100 * limit:g}"
                )


NAMING = {
    *("corpus.folder", "corpus.tier", "language_model.folder", "upstream.source", "privacy.salt"),
    *("prepare_data.split.unseen_speakers", "prepare_data.split.forgotten_speakers"),
    "extract_embeddings.shared_cache",
}
"""Knobs whose values may be the name of a person, or of a place that bears one."""
HIDDEN = "not shown"


def impersonal(comparison: Comparison) -> Comparison:
    """Return the comparison without the words in knobs that may name a person."""
    return replace(
        comparison,
        params={
            name: (HIDDEN, HIDDEN) if name in NAMING else values
            for name, values in comparison.params.items()
        },
    )


@dataclass(frozen=True)
class Review:
    """One pipeline at two revisions."""

    name: str
    """Its folder; "" for the working directory."""
    old: Revision
    new: Revision
    params: Evaluate
    gate: Gate | ClassGate
    comparison: Comparison

    def rendered(self, transcripts: bool) -> str:
        """Return Markdown, with the transcripts that changed most if `transcripts` is set.

        Without them, no value of a knob is shown that may be a name.
        """
        changed = dict.fromkeys(split.model for split in self.comparison.splits)
        clips = [text for model in changed if (text := self._clips(model, transcripts))]
        shown = self.comparison if transcripts else impersonal(self.comparison)
        whole = markdown.rendered(shown, self.params.confidence, self.name)
        return "\n\n".join([whole, *clips])

    def broken(self) -> Iterator[str]:
        """Yield a line for each rule of compare.gate that is broken."""
        place = f"{self.name}: " if self.name else ""
        yield from (f"{place}{line}" for line in broken(self.comparison, self.gate))

    def _clips(self, model: str, transcripts: bool) -> str:
        old, new = (revision.scores(model) for revision in (self.old, self.new))
        if isinstance(new[0], ClassScore):
            changed = reclassified(old, new)
            return markdown.rendered_reclassified(model, changed) if changed else ""
        rewordings = most_reworded(model, self.old, self.new) if transcripts else None
        return markdown.rendered_rewordings(model, rewordings) if rewordings else ""


def reviews(root: Path, revision: str) -> tuple[list[Review], list[str]]:
    """Compare the working tree with `revision`, for each pipeline that was evaluated in both.

    Returns:
        The reviews, and a line with the reason for each pipeline that could not be compared.

    Raises:
        RevisionError: if no pipeline could be compared.
    """
    found, lacking = [], []
    nested = [name for name in NESTED if (root / name / PARAMS_FILE).is_file()]
    for name in ("", *nested):
        try:
            found.append(_review(root, name, revision))
        except RevisionError as error:
            lacking.append(f"{name}: {error}" if name else str(error))
    if not found:
        raise RevisionError(lacking[0])
    return found, lacking


def _review(root: Path, name: str, revision: str) -> Review:
    folder = root / name
    file = folder / PARAMS_FILE
    task = load_task(file)
    rules = load_params(SECTIONS[task], "compare", file)
    params = load_params(evaluate_of(task), "evaluate", file)
    old, new = Revision(folder, revision), Revision(folder)
    return Review(name, old, new, params, rules.gate, compare(old, new, params))
