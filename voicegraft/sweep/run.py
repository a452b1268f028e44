"""Run a grid of experiments, and keep a table of their results."""

import hashlib
import json
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.utils.hydra import get_hydra_sweeps
from hydra.errors import HydraException

from voicegraft.sweep.table import Line, lines_of, read_lines, write_lines
from voicegraft.sweep.workplace import Workplace

PARAMS = "params.yaml"


class GridError(ValueError):
    """A knob of a grid cannot be parsed."""


def combinations(knobs: Sequence[str]) -> list[list[str]]:
    """Return settings such as ["head.layer=4", "head.name=ctc_linear"], one list for each run.

    Args:
        knobs: as `dvc exp run --queue -S` takes them: "head.layer=4,6", "train_head.lr=range(1,3)".

    Raises:
        GridError: naming a knob in another form.
    """
    for knob in knobs:
        try:
            get_hydra_sweeps({PARAMS: [knob]})
        except (DvcException, HydraException) as error:
            reason = str(error).splitlines()[0]
            raise GridError(f"{knob!r} is not of the form knob=value,value: {reason}") from None
    return [sweep[PARAMS] for sweep in get_hydra_sweeps({PARAMS: list(knobs)})]


def sweep(
    root: Path, folder: Path, table: Path, knobs: Sequence[str], targets: Sequence[str]
) -> Iterator[tuple[list[str], list[Line]]]:
    """Yield each setting with its lines, or none if it failed; known results are not run again.

    Args:
        root: of the project; uncommitted changes are ignored.
        folder: for a checkout in which experiments run; it may exist.
        table: a CSV file, written after each experiment.
        knobs: see `combinations`.
        targets: of `dvc repro`; none for the whole pipeline.

    Raises:
        GridError: if a knob cannot be parsed.
    """
    grid = combinations(knobs)
    workplace = Workplace(root, folder)
    for settings in grid:
        name = _name(workplace.baseline, settings, targets)
        known = [line for line in read_lines(table) if line.experiment == name]
        if not known:
            before = _processor_seconds()
            if workplace.run(name, settings, targets):
                seconds, models = _processor_seconds() - before, workplace.scored(targets)
                known = lines_of(workplace.folder, models, name, settings, seconds)
                write_lines(table, read_lines(table) + known)
        yield settings, known
    workplace.reset()


def _processor_seconds() -> float:
    """Return the processor time of all ended child processes."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _name(baseline: str, settings: Sequence[str], targets: Sequence[str]) -> str:
    text = json.dumps([baseline, sorted(settings), list(targets)])
    return f"sweep-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
