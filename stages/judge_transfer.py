"""Judge the gain from pretraining: each model against controls without pretraining.

Reads   EVALUATION, with the scores of all models and controls, and the curves of the controls
Writes  TRANSFER, JSON: for each model its gain over each control, overall and by slice, with
        intervals, and the verdict; for git
Knobs   task: for the rate, CER or the error rate of classes; transfer: controls; finetune: recipes;
        evaluate: resamples, confidence, seed, duration_edges_seconds, fewest_speaker_clips
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ConfigDict

from voicegraft.evaluation.classes.open_set import evaluate_of
from voicegraft.evaluation.classes.scores import parse_class_scores
from voicegraft.evaluation.current import Current
from voicegraft.evaluation.paired import Scored, rate_of_all
from voicegraft.evaluation.scores import parse_scores
from voicegraft.evaluation.transfer import Control, judge, judged_by, read_dev_cer, verdict_lines
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.files import read_json, reading, write_json
from voicegraft.pipeline.params import CLASSIFICATION, Section, load_params, load_task
from voicegraft.pipeline.provenance import KEY, named
from voicegraft.pipeline.tables import read_rows


class Transfer(Section):
    """The controls to beat."""

    controls: list[str]


class Recipes(Section):
    """The models besides the head."""

    model_config = ConfigDict(extra="ignore")

    recipes: list[str]


def read_scores(path: Path, task: str) -> list[Scored]:
    """Return one model's scores by clip."""
    parse = parse_class_scores if task == CLASSIFICATION else parse_scores
    read_rows(path)  # it shows what is damaged, by the file's name
    with reading(path):
        return parse(path.read_text(encoding="utf-8"))


def rate_on_dev(folder: Path, task: str) -> float:
    """Return a control's error rate on dev; for texts, its best CER there."""
    if task == CLASSIFICATION:
        if not (dev := read_scores(folder / "dev.csv", task)):
            raise ValueError(f"{folder}/dev.csv has no clip, but dev chooses the control to beat")
        return rate_of_all(dev, judged_by(dev))
    return min(read_dev_cer(folder / "curves"))


def named_by(models: Sequence[str], evaluation: Path) -> dict[str, list[str]]:
    """Return the provenance of each model's evaluation.

    Raises:
        ValueError: if an evaluation is outdated.
    """

    def read(path: str) -> Any:
        file = evaluation / path.removeprefix("evaluation/")
        return read_json(file) if file.is_file() else {}

    current, found = Current.read(read), {m: read(f"{m}/rates.json") for m in models}
    for model, metrics in found.items():
        if why := current.why_old(named(metrics)):
            raise ValueError(
                f"{evaluation / model}: {why}; run `dvc repro`, or remove it from the list"
            )
    return {model: metrics.get(KEY, []) for model, metrics in found.items()}


def main(evaluation: Path, transfer: Path) -> None:
    task = load_task()
    params = load_params(evaluate_of(task), "evaluate")
    against = load_params(Transfer, "transfer")

    def scores_of(model: str) -> list[Scored]:
        return read_scores(evaluation / model / "utterances.csv", task)

    models = ["head", *load_params(Recipes, "finetune").recipes] if against.controls else []
    of = named_by([*models, *against.controls], evaluation)
    controls = [
        Control(name, rate_on_dev(evaluation / name, task), scores_of(name))
        for name in against.controls
    ]
    verdicts = {m: judge(scores_of(m), controls, params) | {KEY: of[m]} for m in models}
    write_json(transfer, verdicts)
    print("\n".join(verdict_lines(verdicts)) or "transfer.controls is empty: nothing to beat")


if __name__ == "__main__":
    run_stage(main)
