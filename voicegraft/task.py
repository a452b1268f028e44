"""What is to be learnt of a clip: its text, or its class."""

from pathlib import Path

from voicegraft.params import PARAMS_FILE, ParamsError, read_params

TRANSCRIPTION, CLASSIFICATION = TASKS = ("transcription", "classification")


def load_task(path: Path = PARAMS_FILE) -> str:
    """Return `task` of params.yaml.

    Raises:
        ParamsError: if it is none of TASKS.
    """
    task = read_params(path).get("task")
    if task not in TASKS:
        raise ParamsError(f"{path}: task must be {' or '.join(TASKS)}, not {task!r}")
    return task
