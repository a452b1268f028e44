"""Active learning as a command, on the spectrograms of tones."""

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
import stage_runs
from invented import write_corpus

PATHS = "upstream corpus embeddings found scratch"
WAYS = ["random", "uncertainty", "both"]
MINUTES = [0.1, 0.2]


def params(**knobs: object) -> dict:
    found = stage_runs.params_of()
    found["extract_embeddings"]["layers"] = [0]
    found["head"] |= {"name": "ctc_linear", "layer": 0}
    found["train_head"] |= {"epochs": 3, "patience": 99, "batch_seconds": 2.0, "lr": 0.02}
    found["compute"] |= {"accelerator": "cpu", "precision": "32-true"}
    found["active_learning"] |= {"minutes": MINUTES, "ways": WAYS, "draws": 2} | knobs
    return found


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A folder in which the study has run."""
    folder = tmp_path_factory.mktemp("project")
    write_corpus(folder / "corpus", clips=90)
    (folder / "upstream").mkdir()
    identity = {"name": "log_mel", "config": {"bins": 40}}
    (folder / "upstream/upstream.json").write_text(json.dumps(identity))
    stage_runs.write_params(folder, params())
    for stage, paths in (
        ("extract_embeddings", "upstream corpus cache embeddings"),
        ("active_learning", PATHS),
    ):
        done = stage_runs.run(stage, paths, folder)
        assert done.returncode == 0, done.stderr
    return folder


def lines(project: Path, table: str) -> list[dict[str, str]]:
    with open(project / "found" / table, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_way_has_a_run_for_each_amount_and_draw(project):
    counts = Counter((row["model"], float(row["minutes"])) for row in lines(project, "runs.csv"))
    assert counts == {(way, amount): 2 for way in WAYS for amount in MINUTES}


def test_all_ways_begin_with_the_same_clips_and_so_with_the_same_model(project):
    first = [row for row in lines(project, "runs.csv") if float(row["minutes"]) == MINUTES[0]]
    assert len({(row["draw"], row["cer"]) for row in first}) == 2
    trained = list((project / "scratch").glob("*/result.safetensors"))
    assert len(trained) == 2 + 2 * len(WAYS) * (len(MINUTES) - 1)


def test_each_way_is_held_against_random_clips_with_an_interval(project):
    found = json.loads((project / "found/metrics.json").read_text())
    last = [row for row in lines(project, "curve.csv") if row["model"] == "random"][-1]
    for way in WAYS[1:]:
        assert found[way]["control_cer"] == pytest.approx(float(last["cer"]))
        assert {"minutes_low", "minutes_high"} <= found[way].keys()
    assert "random" not in found


def test_a_run_that_was_stopped_trains_only_what_is_left_and_finds_the_same(project, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(project, again)
    kept = sorted((again / "scratch").glob("*/result.safetensors"))
    shutil.rmtree(kept[0].parent)
    times = {path: path.stat().st_mtime_ns for path in kept[1:]}
    assert stage_runs.run("active_learning", PATHS, again).returncode == 0
    assert times == {path: path.stat().st_mtime_ns for path in kept[1:]} and kept[0].is_file()
    for table in (project / "found").iterdir():
        assert (again / "found" / table.name).read_bytes() == table.read_bytes()


@pytest.mark.parametrize(
    "knobs, message",
    [
        ({"minutes": [5, 1]}, "must be two amounts or more, and increase"),
        ({"minutes": [0.1, 900]}, "active_learning.minutes: train has"),
        ({"ways": ["diversity"]}, "must have random"),
        ({"ways": ["random", "luck"]}, "luck"),
    ],
)
def test_a_wrong_knob_is_refused_by_name(project, tmp_path, knobs, message):
    for part in ("upstream", "corpus", "embeddings"):
        (tmp_path / part).symlink_to(project / part)
    stage_runs.write_params(tmp_path, params(**knobs))
    done = stage_runs.run("active_learning", PATHS, tmp_path)
    assert done.returncode and message in done.stderr and "Traceback" not in done.stderr
