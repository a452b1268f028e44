"""decoder.json, what a model's decoder was tuned to: the weights that dev clips chose."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from voicegraft.language.confidence import Calibration
from voicegraft.language.rescoring import ATTENTION, FEATURES, START

FOLDER, SETTINGS = "decoder", "decoder.json"
NAMES = (*FEATURES, ATTENTION)
"""Of the weights."""


def _in_order(given: Any) -> Any:
    """Return weights in the order of `NAMES`, given by name.

    A list is of a decoder that had other scores: it would be taken for what it is not.
    """
    if isinstance(given, list):
        raise ValueError("weights: they have names since letters are counted; run `decode` again")
    if not isinstance(given, Mapping):
        return given
    if unknown := set(given) - set(NAMES):
        raise ValueError(f"weights: {', '.join(sorted(unknown))} is none of {', '.join(NAMES)}")
    return tuple(given[name] for name in NAMES if name in given)


def _by_name(weights: Sequence[float]) -> dict[str, float]:
    return dict(zip(NAMES, weights, strict=False))


Search = Literal["beam", "joint", "greedy"]
"""By emissions and a language model; in one pass with an attention decoder as well; by neither."""

Weights = Annotated[
    tuple[float, ...],
    Field(min_length=len(FEATURES), max_length=len(NAMES)),
    BeforeValidator(_in_order),
    PlainSerializer(_by_name),
]


class Settings(BaseModel):
    """What was chosen on dev."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decode: Search
    weights: Weights = START
    """Of `FEATURES`, and of `ATTENTION` if it was tuned with one."""
    slope: float = 1.0
    offset: float = 0.0
    """See `calibration`."""

    @property
    def calibration(self) -> Calibration:
        """The calibration of words' confidences."""
        return Calibration(self.slope, self.offset)
