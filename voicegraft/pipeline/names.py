"""Check the names that dvc.yaml inserts into command lines: `python -m voicegraft.pipeline.names`.

DVC inserts `${item}` into a command without quoting and passes the line to a shell, which would
read a name such as `top3; rm -r models` as two commands. So each stage that is repeated for a list
of names runs this check first, in a command without names.
"""

import voicegraft.pipeline.stops  # noqa: F401 - Ctrl-C ends it in a line

import re
import sys
from pathlib import Path
from typing import Any

from voicegraft.pipeline.params import (
    PARAMS_FILE,
    PIPELINE_FILE,
    STUDIES_FILE,
    ParamsError,
    read_params,
)

NAME = re.compile("[a-z0-9_]+")
TEMPLATE = re.compile(r"\$\{([\w.]+)\}")


def check_names(params_file: Path = PARAMS_FILE) -> None:
    """Refuse names with other characters than small letters, digits and underscores.

    Raises:
        ParamsError: naming the list in params.yaml, if it is missing or not one, and the name.
    """
    studies = params_file.parent / STUDIES_FILE
    params = read_params(params_file)
    own = read_params(studies) if studies.is_file() else {}
    for key in _lists(params_file.parent / PIPELINE_FILE) | _lists(studies.parent / PIPELINE_FILE):
        file = studies if key.split(".")[0] in own else params_file
        for name in _names(params | own, key, file):
            if not (isinstance(name, str) and NAME.fullmatch(name)):
                allowed = "small letters, digits and underscores"
                raise ParamsError(f"{file}: {key}: a name has {allowed}, not {name!r}")


def _lists(pipeline: Path) -> set[str]:
    """Return the keys of params.yaml that a `foreach` of dvc.yaml loops over."""
    stages = read_params(pipeline)["stages"].values() if pipeline.is_file() else []
    loops = (str(stage.get("foreach", "")) for stage in stages)
    return {found[1] for loop in loops if (found := TEMPLATE.fullmatch(loop))}


def _names(params: Any, key: str, file: Path) -> list[Any]:
    found = params
    for part in key.split("."):
        if not isinstance(found, dict) or part not in found:
            raise ParamsError(f"{file}: {key} is missing")
        found = found[part]
    if not isinstance(found, list):
        raise ParamsError(f"{file}: {key} is a list of names, not {found!r}")
    return found


if __name__ == "__main__":
    try:
        check_names()
    except ParamsError as error:
        sys.exit(str(error))
