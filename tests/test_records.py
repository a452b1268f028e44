"""Learning curves on disk."""

import subprocess
import sys

from voicegraft.training.records import write_curves

HISTORY = [{"step": n, "dev/cer": 1 - n / 10, "layer/3": 0.5} for n in range(3)]
FULL = """
import resource, sys
from pathlib import Path
from voicegraft.training.records import write_curves
Path("curves").mkdir()
import dvclive.live, dvc.repo
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
write_curves([{"step": n, "dev/cer": n} for n in range(9)], Path("curves"))
"""


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_each_value_has_a_table_by_step_and_those_of_another_run_are_gone(tmp_path):
    write_curves([{"step": 0, "dev/wer": 1.0}], tmp_path)
    write_curves(HISTORY, tmp_path)
    found = ["metrics.json", "plots/metrics/dev/cer.tsv", "plots/metrics/layer/3.tsv"]
    assert files(tmp_path) == found
    table = (tmp_path / "plots/metrics/dev/cer.tsv").read_text()
    assert table == "step\tcer\n0\t1.0\n1\t0.9\n2\t0.8\n"


def test_a_full_disk_leaves_no_half_curve_and_names_the_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "'curves'" in done.stderr.strip().splitlines()[-1], done.stderr
    assert files(tmp_path) == []


def test_what_a_kill_left_is_taken_away(tmp_path):
    left = ".part/plots/metrics/dev/cer.tsv"
    (tmp_path / left).parent.mkdir(parents=True)
    (tmp_path / left).write_text("step\tcer\n0")
    write_curves(HISTORY, tmp_path)
    assert left not in files(tmp_path)
