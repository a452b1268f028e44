"""Read params.yaml: sections of knobs, and the task; an error names the key and the choices.

Each stage declares a `Section` where its knobs are used:

    class TrainHead(Section):
        lr: PositiveFloat
        epochs: PositiveInt

    params = load_params(TrainHead, "train_head")
"""

from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML, YAMLError

PARAMS_FILE = Path("params.yaml")
STUDIES_FILE = Path("studies/params.yaml")
PIPELINE_FILE = "dvc.yaml"

TRANSCRIPTION, CLASSIFICATION = TASKS = ("transcription", "classification")
HEAD_FOLDERS = {TRANSCRIPTION: "voicegraft/heads/", CLASSIFICATION: "voicegraft/classifiers/"}
OTHER_PIPELINE = {
    TRANSCRIPTION: "the pipeline for texts is at the root: `cd .. && dvc repro`",
    CLASSIFICATION: "the pipeline for classes is in words/: `cd words && dvc repro`",
}


MOST_DEEP = 100


class ParamsError(ValueError):
    """A key of params.yaml is unknown, missing, mistyped or out of range."""


class Section(BaseModel):
    """A section of params.yaml: frozen, no unknown keys, nothing coerced, nothing infinite."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


SectionType = TypeVar("SectionType", bound=Section)


def parse(text: str) -> Any:
    """Return what YAML says to DVC: `no` is a string (Norwegian), `1e-6` a number, as in YAML 1.2.

    PyYAML reads YAML 1.1 (https://github.com/iterative/dvc/issues/5971).

    Raises:
        YAMLError: if it is none.
    """
    depth = accumulate((sign in "[{") - (sign in "]}") for sign in text)
    if max(depth, default=0) > MOST_DEEP:  # at some thousands, libyaml ends the process
        raise YAMLError(f"lists and sections lie in each other, more than {MOST_DEEP} deep")
    return YAML(typ="safe").load(text)


def read_params(path: Path = PARAMS_FILE) -> dict[str, Any]:
    """Return all of params.yaml as DVC reads it."""
    try:
        params = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path} is not here: run from the project's root") from None
    except (YAMLError, ValueError, TypeError) as error:  # a number of 5,000 digits is the second
        raise ParamsError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(params, dict):
        raise ParamsError(f"{path} must hold sections, not {params!r}")
    return params


def load_params(
    section: type[SectionType], name: str, path: Path = PARAMS_FILE, defaults: str | None = None
) -> SectionType:
    """Return the validated section `name` ("train_head", or "finetune.top3").

    Args:
        section: the class with its keys and types.
        name: of the section, dots between levels.
        path: of the file.
        defaults: name of the section that supplies missing keys, if any.

    Raises:
        ParamsError: naming the key, the value and the choices.
    """
    params = read_params(path)
    given = _found(params, name, path)
    if defaults:
        given = merged(_found(params, defaults, path), given)
    try:
        return section.model_validate(given)
    except ValidationError as error:
        lines = [f"{path}: {_complaint(section, name, e)}" for e in error.errors()]
        raise ParamsError("\n".join(lines)) from None


def _found(params: dict[str, Any], name: str, path: Path) -> Any:
    found: Any = params
    for key in name.split("."):
        if not isinstance(found, dict) or key not in found:
            choices = ", ".join(map(str, found)) if isinstance(found, dict) else "none"
            raise ParamsError(f"{path}: there is no section {name}; here are: {choices}")
        found = found[key]
    return found


def merged(defaults: Any, given: Any) -> Any:
    """Return `defaults` overridden by `given`, at any depth."""
    if not isinstance(defaults, dict) or not isinstance(given, dict):
        return given
    return defaults | {key: merged(defaults.get(key), value) for key, value in given.items()}


def _complaint(section: type[Section], name: str, error: dict[str, Any]) -> str:
    key = ".".join([name, *map(str, error["loc"])])
    if error["type"] == "extra_forbidden":
        return f"{key} is unknown; known: {', '.join(section.model_fields)}"
    if error["type"] == "missing":
        return f"{key} is missing"
    said = f"{key}: {error['msg'].removeprefix('Value error, ')}"
    # Of a rule on several knobs the value is the whole section, which says nothing.
    return said if isinstance(error["input"], dict) else f"{said}, not {error['input']!r}"


def load_task(path: Path = PARAMS_FILE) -> str:
    """Return `task` of params.yaml.

    Raises:
        ParamsError: if it is none of TASKS, or not the task of the dvc.yaml beside params.yaml.
    """
    task = read_params(path).get("task")
    if task not in TASKS:
        raise ParamsError(f"{path}: task must be {' or '.join(TASKS)}, not {task!r}")
    pipeline = path.parent / PIPELINE_FILE
    if pipeline.is_file() and HEAD_FOLDERS[task] not in pipeline.read_text(encoding="utf-8"):
        (own,) = set(TASKS) - {task}
        raise ParamsError(f"{path}: task must be {own} here, not {task!r}: {OTHER_PIPELINE[task]}")
    return task
