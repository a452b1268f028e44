"""The results of a sweep: a line for each model of each experiment, the best on dev first."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from voicegraft.evaluation.transfer import read_dev_cer
from voicegraft.model.grafted import WEIGHTS
from voicegraft.model.sizes import tensor_sizes
from voicegraft.pipeline.tables import read_records, write_records
from voicegraft.review.escaping import code
from voicegraft.review.markdown import table

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
