"""What a killed run of DVC leaves locked: true runs, killed with their process group."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from committed import begin, commit
from dvc.lock import make_lock
from reproduced import begin_dvc

from voicegraft.pipeline.locks import free_dead_locks

ROOT = Path(__file__).parent.parent
STAGES = """
stages:
  first:
    cmd: echo 1 > first
    outs: [first]
  second:
    cmd: touch begun; until [ -e go ]; do sleep 0.05; done; mkdir -p second
    deps: [first]
    outs: [second]
"""


@pytest.fixture
def project(tmp_path) -> Path:
    (tmp_path / "dvc.yaml").write_text(STAGES)
    begin_dvc(tmp_path)
    return tmp_path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dvc", *arguments]


def dvc(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(command(*arguments), cwd=folder, capture_output=True, text=True)


def locks(project: Path) -> Path:
    return project / ".dvc/tmp/rwlock"


@contextmanager
def running(project: Path):
    """Yield `dvc repro` in the middle of its second stage, in a process group of its own."""
    (project / "begun").unlink(missing_ok=True)
    with subprocess.Popen(
        command("repro"), cwd=project, start_new_session=True, stdout=subprocess.DEVNULL
    ) as process:
        while not (project / "begun").exists():
            time.sleep(0.02)
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def freed(project: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "voicegraft.pipeline.locks"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_after_a_kill_that_nobody_waited_for_dvc_refuses_until_the_locks_are_freed(project):
    with running(project) as process:
        os.killpg(process.pid, signal.SIGKILL)
        (project / "go").touch()
        stopped = dvc(project, "repro")
        assert (stopped.returncode, "manually remove" in stopped.stderr) == (255, True)
        assert f"(process {process.pid})" in freed(project)
        again = dvc(project, "repro")
        assert again.returncode == 0, again.stderr
    assert freed(project) == ""


@pytest.mark.parametrize("seconds", [0.3, 0.7, 1.1])
def test_at_whatever_moment_it_is_killed_the_next_run_ends_well(project, seconds):
    (project / "go").touch()
    with subprocess.Popen(command("repro"), cwd=project, start_new_session=True) as process:
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        freed(project)
        again = dvc(project, "repro")
        assert again.returncode == 0, again.stderr


def interrupted(project: Path, share: float) -> None:
    """Leave dvc.lock as a kill does that comes while it is written."""
    file = project / "dvc.lock"
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])


@pytest.mark.parametrize("share", [0, 0.1, 0.35, 0.8])
def test_a_lock_file_that_was_being_written_is_removed_and_nothing_runs_again(project, share):
    (project / "go").touch()
    assert dvc(project, "repro").returncode == 0
    whole, began = (project / "dvc.lock").read_bytes(), (project / "begun").stat().st_mtime_ns
    interrupted(project, share)
    freed(project)
    assert dvc(project, "repro").returncode == 0
    assert (project / "dvc.lock").read_bytes() == whole
    assert (project / "begun").stat().st_mtime_ns == began


def test_a_lock_file_that_git_has_is_taken_from_the_last_commit(project):
    (project / "go").touch()
    assert dvc(project, "repro").returncode == 0
    whole = (project / "dvc.lock").read_bytes()
    begin(project)
    commit(project)
    interrupted(project, 0.05)
    assert f"took {project / 'dvc.lock'} from the last commit, as it was incomplete" in freed(
        project
    )
    assert (project / "dvc.lock").read_bytes() == whole
    assert freed(project) == ""


def test_a_lock_file_is_left_while_another_dvc_is_at_work(project):
    (project / "dvc.lock").write_text("schema:")
    with make_lock(str(project / ".dvc/tmp/lock")):
        assert freed(project) == ""
    assert "which was incomplete" in freed(project)


def test_a_number_that_another_program_has_now_holds_nothing(project):
    with subprocess.Popen(["sleep", "60"]) as other:
        holder = {"pid": other.pid, "cmd": "/somewhere/bin/dvc repro"}
        (project / "go").touch()
        held = {"write": {f"{project}/second": holder}, "read": {f"{project}/first": [holder]}}
        locks(project).write_text(json.dumps(held))
        assert dvc(project, "repro", "--dry").returncode == 255
        freed(project)
        other.kill()
    assert json.loads(locks(project).read_text()) == {"write": {}, "read": {}}
    assert dvc(project, "repro").returncode == 0


def test_what_a_run_still_holds_is_left_to_it(project):
    with running(project) as process:
        before = json.loads(locks(project).read_text())
        assert before["write"][f"{project}/second"]["pid"] == process.pid
        assert free_dead_locks(project / ".dvc/tmp") == []
        assert json.loads(locks(project).read_text()) == before
        (project / "go").touch()
        assert process.wait() == 0


@pytest.mark.parametrize("content", ["", '{"write": {"a'])
def test_a_lock_file_that_is_not_whole_is_removed(project, content):
    (project / "go").touch()
    locks(project).write_text(content)
    assert dvc(project, "repro", "--dry").returncode == 255
    assert "which was incomplete" in freed(project)
    assert dvc(project, "repro").returncode == 0


def test_the_locks_of_experiments_are_freed_too(project):
    held = {"write": {"workspace": {"pid": 2**22, "cmd": "dvc exp run"}}}
    (project / ".dvc/tmp/exps").mkdir()
    (project / ".dvc/tmp/exps/rwlock").write_text(json.dumps(held))
    assert "locks of `dvc exp run`" in freed(project)


def test_where_nothing_was_ever_run_nothing_is_freed(project, tmp_path):
    shutil.rmtree(project / ".dvc/tmp")  # as in a new clone
    assert freed(project) == ""
    assert free_dead_locks(tmp_path / "nowhere") == []
