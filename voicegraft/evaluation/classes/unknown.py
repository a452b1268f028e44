"""Which clips are of no class that is to be told apart: other words, noise, silence."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from voicegraft.evaluation.classes.scores import ClassScore
from voicegraft.params import Section

CHOOSING = "dev"
"""The split that chooses the threshold."""


class OpenSet(Section):
    """What is no class, and how much of it may pass for one."""

    unknown_labels: list[str]
    max_false_accepts: Annotated[float, Field(ge=0, lt=1)]

    def known(self, scores: Sequence[ClassScore]) -> list[ClassScore]:
        """Return the clips of the classes to be told apart."""
        return [s for s in scores if not self.is_unknown(s)]

    def unknown(self, scores: Sequence[ClassScore]) -> list[ClassScore]:
        """Return the clips that are of none of them."""
        return [s for s in scores if self.is_unknown(s)]

    def is_unknown(self, score: ClassScore) -> bool:
        """Return whether the clip is of no class to be told apart."""
        return score.label in self.unknown_labels

    def confidence(self, score: ClassScore) -> float:
        """Return how sure the model is that it is: 0 where it was taught the unknown, and says so.

        The largest probability (Hendrycks and Gimpel 2017, https://arxiv.org/abs/1610.02136).
        """
        return 0.0 if score.predicted in self.unknown_labels else score.probability


def check_unknown(knobs: OpenSet, scores: Sequence[ClassScore]) -> None:
    """Refuse an unknown label that no clip has, and unknown clips that dev has none of.

    Raises:
        ValueError: naming the label and those there are.
    """
    labels = {s.label for s in scores}
    if strange := sorted(set(knobs.unknown_labels) - labels):
        raise ValueError(
            f"open_set.unknown_labels: {strange[0]!r} is the label of no clip in dev, test or "
            f"unseen, which have {', '.join(sorted(labels))}"
        )
    if knobs.unknown_labels and CHOOSING not in {s.split for s in knobs.unknown(scores)}:
        raise ValueError(
            f"open_set.unknown_labels: {CHOOSING}, where the threshold is chosen, has no clip of "
            f"{', '.join(knobs.unknown_labels)}"
        )
    if all(s.split == CHOOSING for s in knobs.known(scores)):
        raise ValueError("open_set.unknown_labels: no known clip is left to be scored")
