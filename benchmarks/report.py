"""Write the tables of README.md from the committed measurements.

Reads   EVALUATION, with metrics.json for each model, transfer.json, learning curves and sweep.csv;
        WORDS, the same of the pipeline for classes; benchmarks/results.json
Writes  README, between the marks of each table
"""

from pathlib import Path

from benchmarks import (
    calibration,
    coverage,
    results,
    results_table,
    robustness_table,
    self_training_table,
    speed_table,
    transfer_table,
    words_table,
)
from voicegraft.pipeline.command import run_stage
from voicegraft.sweep.table import read_lines, rendered


def tables(evaluation: Path, words: Path) -> dict[str, str]:
    """Return every table, by the name of its marks."""
    measured = results.read()
    return {
        "results": results_table.table(evaluation),
        "words": words_table.table(words),
        "gains": transfer_table.gains(evaluation),
        "spared": transfer_table.spared(evaluation),
        "robustness": robustness_table.table(evaluation),
        "self_training": self_training_table.table(evaluation),
        "sweep": rendered(read_lines(evaluation / "sweep.csv")),
        "calibration": calibration.table(measured),
        "coverage": coverage.table(measured),
        "windows": speed_table.windows(measured),
        "ratios": speed_table.ratios(measured),
        "reruns": speed_table.reruns(measured),
        "growth": speed_table.growth(measured),
    }


def with_table(readme: str, name: str, table: str) -> str:
    """Return `readme` with `table` between the marks of that name.

    Raises:
        ValueError: if one of the marks is missing.
    """
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    if readme.find(begin) < 0 or readme.find(end) < readme.find(begin):
        raise ValueError(f"the README lacks {begin.strip()} or {end.strip()} behind it")
    before, _, rest = readme.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}{table}{end}{after}"


def with_tables(readme: str, evaluation: Path, words: Path) -> str:
    """Return `readme` with all tables as they are measured."""
    for name, table in tables(evaluation, words).items():
        readme = with_table(readme, name, table)
    return readme


def main(evaluation: Path, words: Path, readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")
    readme.write_text(with_tables(text, evaluation, words), encoding="utf-8")


if __name__ == "__main__":
    run_stage(main)
