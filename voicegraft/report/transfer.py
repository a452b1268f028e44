"""What pretraining gave: evaluation/transfer.json as lines of a table, and whether it did harm."""

from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from voicegraft.evaluation.transfer import NEGATIVE, WHOLE
from voicegraft.report.findings import Findings, FindingsError
from voicegraft.report.old import without_old


class Gain(BaseModel):
    """How much lower the model's rate is than the control's, as a part of the control's."""

    gain: float
    gain_low: float
    gain_high: float
    model: float
    control: float


class Line(BaseModel):
    """One model against one control on the same clips: all of a side, or a slice of them."""

    model: str
    control: str
    split: str
    kind: str
    slice: str
    rates: dict[str, Gain]
    """By their keys."""
    clips: int
    blocks: int
    block_unit: str
    verdict: str

    @property
    def part(self) -> str:
        """A side of the corpus, or a slice of one."""
        return self.split if self.whole else f"{self.split}, {self.kind} {self.slice}"

    @property
    def whole(self) -> bool:
        """Whether all clips of a side were compared."""
        return self.kind == WHOLE

    @property
    def negative(self) -> bool:
        """Whether the control is the better one, and surely so."""
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
        """The models that pretraining made worse: as a whole, or on one side of the corpus."""
        told = {model for model, verdict in self.verdicts.items() if verdict == NEGATIVE}
        return sorted(told | {line.model for line in self.lines if line.negative})

    def evidence(self, model: str) -> list[Line]:
        """Return where `model` loses to a control, or else how it compares with the best one."""
        own = [line for line in self.lines if line.model == model]
        best = [line for line in own if line.control == self.best_controls[model]]
        return [line for line in own if line.negative] or best

    @property
    def negative_slices(self) -> list[Line]:
        """The slices on which the control is better."""
        return [line for line in self.slices if line.negative]


def read_transfer(findings: Findings) -> Transfer | None:
    """Return what was compared; None if nothing was.

    Raises:
        FindingsError: if the file is not of the form that `dvc repro` writes.
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
        raise FindingsError(f"{path}: {_told(error)}; run `dvc repro` again") from None


def _told(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)
