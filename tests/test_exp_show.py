"""`dvc exp show` and `dvc metrics diff` show what people compare, and no more."""

import json
import subprocess
from pathlib import Path

import pytest
from reproduced import ROOT, dvc

from voicegraft.pipeline.params import read_params

TERMINAL = 160
LINE = ("exp", "show", "--no-pager", "--only-changed", "--drop", ".*wer|head_lm.*|Created")
"""The line to type, as docs/review.md has it."""


@pytest.fixture(scope="module")
def experiment(tmp_path_factory) -> Path:
    """A clone in which a knob and the rates of every model were changed."""
    folder = tmp_path_factory.mktemp("clone") / "project"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    for file in folder.glob("evaluation/*/metrics.json"):
        (rates,) = json.loads(file.read_text()).values()
        changed = {file.parent.name: {name: rate / 2 for name, rate in rates.items()}}
        file.write_text(json.dumps(changed))
    params = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(params.replace("head_epochs: 0", "head_epochs: 1"))
    return folder


def test_what_changed_fits_a_terminal_without_scrolling(experiment: Path) -> None:
    environment = {"COLUMNS": str(TERMINAL)}
    lines = dvc(experiment, *LINE, **environment).splitlines()
    header = next(line for line in lines if "Experiment" in line)
    assert max(map(len, lines)) <= TERMINAL
    assert all(
        name in header for name in ("head.cer", "top3.cer", "top3_lm.cer", "head.unseen_cer")
    )
    assert "head_epochs" in header


def test_the_difference_in_metrics_has_twenty_lines_at_most(experiment: Path) -> None:
    lines = dvc(experiment, "metrics", "diff").strip().splitlines()
    assert 1 < len(lines) <= 20


def test_only_what_one_compares_is_a_metric() -> None:
    found = set()
    for folder in ("", "words", "studies", "words/studies"):
        stages = read_params(ROOT / folder / "dvc.yaml")["stages"].values()
        for stage in stages:
            found |= {name for entry in stage.get("do", stage).get("metrics", []) for name in entry}
    assert found == {f"evaluation/${{item}}{end}/metrics.json" for end in ("", "_lm")}
