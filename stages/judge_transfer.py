"""Say whether the transfer helped: each model against controls that nothing was transferred into.

Reads   EVALUATION, with the scores of all models and controls, and the curves of the controls
Writes  TRANSFER, JSON: for each model its gain over each control, overall and by slice, with
        intervals, and the verdict; for git
Knobs   transfer: controls, decoders; finetune: recipes; evaluate: resamples, confidence, seed,
        duration_edges_seconds, fewest_speaker_clips
"""

from pathlib import Path

from pydantic import ConfigDict

from voicegraft.command import run_stage
from voicegraft.evaluation.report import write_json
from voicegraft.evaluation.scores import Score, parse_scores
from voicegraft.evaluation.summary import Evaluate
from voicegraft.evaluation.transfer import Control, judge, spoken
from voicegraft.params import Section, load_params
from voicegraft.training.curves import read_dev_cer

ZERO_SHOT = "zero_shot"


class Transfer(Section):
    """What the transfer has to beat."""

    controls: list[str]
    decoders: list[str]


class Recipes(Section):
    """Which models there are besides the head."""

    model_config = ConfigDict(extra="ignore")

    recipes: list[str]


def read_scores(folder: Path) -> list[Score]:
    """Return what evaluate wrote of one model."""
    return parse_scores((folder / "utterances.csv").read_text(encoding="utf-8"))


def read_control(folder: Path) -> Control:
    """Return a control's scores, and its best CER on dev."""
    return Control(folder.name, min(read_dev_cer(folder / "curves")), read_scores(folder))


def main(evaluation: Path, transfer: Path) -> None:
    params = load_params(Evaluate, "evaluate")
    against = load_params(Transfer, "transfer")
    controls = [read_control(evaluation / name) for name in against.controls]
    if controls and against.decoders:
        controls.append(Control(ZERO_SHOT, None, read_scores(evaluation / ZERO_SHOT)))
    models = ["head", *load_params(Recipes, "finetune").recipes] if controls else []
    verdicts = {m: judge(read_scores(evaluation / m), controls, params) for m in models}
    write_json(transfer, verdicts)
    print("\n".join(spoken(verdicts)) or "transfer.controls is empty: nothing to beat")


if __name__ == "__main__":
    run_stage(main)
