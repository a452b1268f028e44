"""Write the tables of README.md and docs/ from committed measurements.

Reads   ROOT, a checkout: evaluation/ and words/evaluation/ with their params.yaml, and
        benchmarks/results.json
Writes  each of PAGES, between the marks of its tables. `<!-- results -->` is filled from the
        checkout; `<!-- results at 1a2b3c4 -->` from that revision of it, for numbers that the
        pipeline does not make as its params are now
"""

import io
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

from benchmarks import (
    calibration,
    coverage,
    faults_table,
    language_model_table,
    private_heads,
    results,
    results_table,
    robustness_table,
    self_training_table,
    speed_table,
    transfer_table,
    words_table,
)
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import read_params
from voicegraft.sweep.grid import read_lines, rendered

MARKED = re.compile(
    r"(?P<begin><!-- (?P<name>\w+)(?: at (?P<revision>[0-9a-f]{7,40}))? -->\n)"
    r"(?P<table>.*?)"
    r"(?P<end><!-- /(?P=name) -->\n)",
    re.DOTALL,
)

TABLES: dict[str, Callable[[Path], str]] = {
    "results": lambda root: results_table.table(root / "evaluation", with_decoders(models(root))),
    "language_model": lambda root: language_model_table.table(root / "evaluation", models(root)),
    "all_results": lambda root: results_table.table(root / "evaluation", results_table.ROWS),
    "gains": lambda root: transfer_table.gains(root / "evaluation"),
    "spared": lambda root: transfer_table.spared(root / "evaluation"),
    "words": lambda root: words_table.table(root / "words/evaluation", models(root / "words")),
    "all_words": lambda root: words_table.table(root / "words/evaluation", words_table.ROWS),
    "few_shot": lambda root: words_table.few_shot(root / "words/evaluation"),
    "unseen_voices": lambda root: words_table.unseen_voices(root / "words/evaluation"),
    "robustness": lambda root: robustness_table.table(root / "evaluation"),
    "self_training": lambda root: self_training_table.table(root / "evaluation"),
    "sweep": lambda root: rendered(read_lines(root / "evaluation/sweep.csv")),
    "calibration": lambda root: calibration.table(measured(root)),
    "coverage": lambda root: coverage.table(measured(root)),
    "windows": lambda root: speed_table.windows(measured(root)),
    "ratios": lambda root: speed_table.ratios(measured(root)),
    "reruns": lambda root: speed_table.reruns(measured(root)),
    "decoding": lambda root: speed_table.decoding(measured(root)),
    "growth": lambda root: speed_table.growth(measured(root)),
    "private": lambda root: private_heads.table(measured(root)),
    "faults": lambda root: faults_table.table(measured(root)),
}


def models(pipeline: Path) -> list[str]:
    """Return the models that the pipeline makes as its params.yaml is: controls, head, recipes."""
    params = read_params(pipeline / "params.yaml")
    return [*params["transfer"]["controls"], "head", *params["finetune"]["recipes"]]


def with_decoders(names: Iterable[str]) -> list[str]:
    """Return models, each followed by the one with a language model."""
    return [each for name in names for each in (name, f"{name}{language_model_table.SUFFIX}")]


def measured(root: Path) -> dict[str, Any]:
    """Return what the benchmarks measured."""
    return results.read(root / "benchmarks/results.json")


@contextmanager
def at(root: Path, revision: str | None) -> Iterator[Path]:
    """Yield a folder with the measurements as they are, or as they were at `revision`.

    Raises:
        ValueError: if the revision is not in this clone.
    """
    if revision is None:
        yield root
        return
    # As a zip, which Python unpacks within its folder: for tar, 3.11 does so from 3.11.4 on alone.
    command = ["git", "-C", root, "archive", "--format=zip", revision]
    archive = subprocess.run(command, capture_output=True)
    if archive.returncode:
        raise ValueError(f"{revision}: {archive.stderr.decode().strip()}; git fetch --unshallow?")
    with TemporaryDirectory() as folder, ZipFile(io.BytesIO(archive.stdout)) as files:
        files.extractall(folder)
        yield Path(folder)


def with_tables(page: str, root: Path) -> str:
    """Return `page` with every table between marks as it is measured.

    Raises:
        ValueError: if a mark stands alone, or names no table, or a revision that is not here.
    """
    if left := re.search(r"<!-- .*", MARKED.sub("", page)):
        raise ValueError(
            f"{left[0]} has no partner: a table stands between <!-- t --> and <!-- /t -->"
        )
    return MARKED.sub(lambda found: _filled(found, root), page)


def _filled(found: re.Match[str], root: Path) -> str:
    name, revision = found["name"], found["revision"]
    if name not in TABLES:
        raise ValueError(f"<!-- {name} --> is no table; here are: {', '.join(TABLES)}")
    with at(root, revision) as folder:
        return f"{found['begin']}{TABLES[name](folder)}{found['end']}"


def main(root: Path, pages: list[Path]) -> None:
    for page in pages:
        text = page.read_text(encoding="utf-8")
        page.write_text(with_tables(text, root), encoding="utf-8")


if __name__ == "__main__":
    run_stage(main)
