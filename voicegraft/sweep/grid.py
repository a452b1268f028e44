"""Run a grid of experiments, and keep a table of their results.

The table has a line for each model of each experiment, the best on dev first.
"""

import hashlib
import json
import resource
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.utils.hydra import get_hydra_sweeps
from hydra.errors import HydraException

from voicegraft.evaluation.transfer import read_dev_cer
from voicegraft.model.saved import WEIGHTS
from voicegraft.model.sizes import tensor_sizes
from voicegraft.pipeline.tables import read_records, write_records
from voicegraft.review.escaping import code
from voicegraft.review.markdown import table
from voicegraft.sweep.workplace import Workplace

PARAMS = "params.yaml"
TEST = ("cer", "cer_low", "cer_high", "wer")
RATES = ("dev_cer", *TEST)


@dataclass(frozen=True)
class Line:
    """A model with its settings and scores."""

    experiment: str
    settings: str
    model: str
    dev_cer: float
    """Of the best epoch; lines are ordered by it, not by scores on test."""
    cer: float
    cer_low: float
    cer_high: float
    wer: float
    trained: int
    """Number of trained parameters in head and upstream."""
    megabytes: int
    processor_seconds: int
    """Of the experiment, over all cores, without cached stages."""


def lines_of(
    folder: Path, models: Iterable[str], experiment: str, settings: Sequence[str], seconds: float
) -> list[Line]:
    """Return a line for each of `models` that an experiment trained in `folder`."""
    found = []
    for model in models:
        evaluation, weights = folder / "evaluation" / model, folder / "models" / model / WEIGHTS
        test = json.loads((evaluation / "rates.json").read_text(encoding="utf-8"))["test"]
        found.append(
            Line(
                experiment,
                " ".join(settings),
                model,
                min(read_dev_cer(evaluation / "curves")),
                *(test[name] for name in TEST),
                trained=_trained(evaluation, weights),
                megabytes=round(weights.stat().st_size / 1e6),
                processor_seconds=round(seconds),
            )
        )
    return found


def _trained(evaluation: Path, weights: Path) -> int:
    recipe = evaluation / "training.json"
    if recipe.is_file():
        share = json.loads(recipe.read_text(encoding="utf-8"))
        return share["head"] + share["upstream"]
    sizes = tensor_sizes(weights)
    return sum(size for name, size in sizes.items() if not name.startswith("upstream."))


def read_lines(path: Path) -> list[Line]:
    """Return the lines of the table; empty if there is no file."""
    return read_records(path, Line) if path.is_file() else []


def write_lines(path: Path, lines: Iterable[Line]) -> None:
    """Write the table atomically, the best on dev first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    order = sorted(lines, key=lambda line: (line.dev_cer, line.experiment, line.model))
    write_records(path, Line, order)


def rendered(lines: Iterable[Line]) -> str:
    """Return the table in Markdown, with rates in per cent; "" if there are no lines."""
    rows = []
    for line in map(asdict, lines):
        rates = {name: f"{100 * line[name]:.1f}" for name in RATES}
        rows.append(
            (
                code(line["settings"]),
                line["model"],
                rates["dev_cer"],
                f"{rates['cer']} ({rates['cer_low']}–{rates['cer_high']})",
                rates["wer"],
                f"{line['trained']:,}",
                line["megabytes"],
                line["processor_seconds"],
            )
        )
    header = ("settings", "model", "dev CER", "CER", "WER", "trained", "MB", "processor s")
    return table(header, rows) + "\n" if rows else ""


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
