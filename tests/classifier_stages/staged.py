"""Run a stage on those tones, and read what it wrote."""

import csv
import runpy
import sys
from pathlib import Path

import stage_runs


def write_params(folder: Path, unknown=("noise",), shots=(1, 5)) -> None:
    evaluate = {
        "batch_seconds": 5.0,
        "resamples": 1000,
        "confidence": 0.95,
        "seed": 1,
        "duration_edges_seconds": [0.18],
        "fewest_speaker_clips": 2,
        "unknown_labels": list(unknown),
        "max_false_accepts": 0.2,
    }
    few = {"shots": list(shots), "draws": 5}
    left_out = {"folds": 4}
    worse = [{"noise": "white", "snr_db": [20, -20]}, {"telephone": "band"}]
    params = {"task": "classification", "evaluate": evaluate, "few_shot": few}
    params["privacy"] = {"committed_names": "keep", "salt": "salt"}
    params["head"] = {"layer": 2, "pooling": "mean_std", "normalise": "none"}
    params["leave_classes_out"] = left_out
    params["robustness"] = {"conditions": worse, "seed": 1}
    stage_runs.write_params(folder, params)


def run(stage: str, *paths):
    """Run the stage as a command, here."""
    arguments = [str(stage_runs.script(stage)), *map(str, paths)]
    old, sys.argv = sys.argv, arguments
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        return end.code
    finally:
        sys.argv = old


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def read(path: str) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
