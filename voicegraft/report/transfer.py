"""Gains from pretraining: evaluation/transfer.json as lines of a table, and negative transfer."""

from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from voicegraft.evaluation.transfer import NEGATIVE, WHOLE
from voicegraft.report.findings import Findings, FindingsError
from voicegraft.report.old import without_old


class Gain(BaseModel):
    """The share of the control's errors that the model avoids, with its interval."""

    gain: float
    gain_low: float
    gain_high: float
    model: float
    control: float


class Line(BaseModel):
    """One model against one control on the same clips: a whole split, or a slice."""

    model: str
    control: str
    split: str
    kind: str
    slice: str
    rates: dict[str, Gain]
    """By key."""
    clips: int
    blocks: int
    block_unit: str
    verdict: str

    @property
    def part(self) -> str:
        """The name of the split or slice."""
        return self.split if self.whole else f"{self.split}, {self.kind} {self.slice}"

    @property
    def whole(self) -> bool:
        """Whether all clips of a split were compared."""
        return self.kind == WHOLE

    @property
    def negative(self) -> bool:
        """Whether the control is significantly better."""
        return self.verdict == NEGATIVE


@dataclass(frozen=True)
class Transfer:
    """All comparisons with controls."""

    verdicts: dict[str, str]
    best_controls: dict[str, str]
    lines: list[Line]
    slices: list[Line]

    @property
    def harmed(self) -> list[str]:
        """Models that pretraining made worse, by the verdict or on one split."""
        overall = {model for model, verdict in self.verdicts.items() if verdict == NEGATIVE}
        return sorted(overall | {line.model for line in self.lines if line.negative})

    def evidence(self, model: str) -> list[Line]:
        """Return the lines where `model` loses to a control, or those with the best control."""
        own = [line for line in self.lines if line.model == model]
        best = [line for line in own if line.control == self.best_controls[model]]
        return [line for line in own if line.negative] or best

    @property
    def negative_slices(self) -> list[Line]:
        """The slices on which the control is significantly better."""
        return [line for line in self.slices if line.negative]


def read_transfer(findings: Findings) -> Transfer | None:
    """Return the comparisons; None if there is no transfer.json.

    Raises:
        FindingsError: if the file has another form.
    """
    found, rates = findings.transfer, findings.rates.lost
    if found is None:
        return None
    try:
        found = without_old(found, findings.old)
        lines = [
            Line.model_validate(
                comparison | {"model": model, "rates": {k: comparison[k] for k in rates}}
            )
            for model, of_model in found.items()
            for comparison in of_model["comparisons"]
        ]
        return Transfer(
            {model: of_model["verdict"] for model, of_model in found.items()},
            {model: of_model["best_control"] for model, of_model in found.items()},
            [line for line in lines if line.whole],
            [line for line in lines if not line.whole],
        )
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        path = findings.root / "evaluation/transfer.json"
        raise FindingsError(f"{path}: {_in_words(error)}; run `dvc repro` again") from None


def _in_words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)
