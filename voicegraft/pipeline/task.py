"""The task of a pipeline: transcription, or classification."""

from pathlib import Path

from voicegraft.pipeline.params import PARAMS_FILE, ParamsError, read_params

TRANSCRIPTION, CLASSIFICATION = TASKS = ("transcription", "classification")
PIPELINE_FILE = "dvc.yaml"
HEADS = {TRANSCRIPTION: "voicegraft/heads/", CLASSIFICATION: "voicegraft/classifiers/"}
ELSEWHERE = {
    TRANSCRIPTION: "the pipeline for texts is at the root: `cd .. && dvc repro`",
    CLASSIFICATION: "the pipeline for classes is in words/: `cd words && dvc repro`",
}


def load_task(path: Path = PARAMS_FILE) -> str:
    """Return `task` of params.yaml.

    Raises:
        ParamsError: if it is none of TASKS, or not the task of the dvc.yaml beside params.yaml.
    """
    task = read_params(path).get("task")
    if task not in TASKS:
        raise ParamsError(f"{path}: task must be {' or '.join(TASKS)}, not {task!r}")
    pipeline = path.parent / PIPELINE_FILE
    if pipeline.is_file() and HEADS[task] not in pipeline.read_text(encoding="utf-8"):
        (own,) = set(TASKS) - {task}
        raise ParamsError(f"{path}: task must be {own} here, not {task!r}: {ELSEWHERE[task]}")
    return task
