"""A stage that is stopped, or whose DVC is: true processes and signals."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parent.parent
STAGE = """
'''A stage that never ends.'''
import voicegraft.pipeline.stops
import subprocess, sys, time
from pathlib import Path
from joblib import Parallel, delayed
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.files import whole

def sleep(number):
    Path(f"worker {number}").touch()
    time.sleep(600)

def main(how: str) -> None:
    with whole(Path("output")) as partial:
        partial.write_text("half")
        if how == "program":
            subprocess.run(["sh", "-c", "touch 'worker 0'; trap '' TERM; sleep 600"])
        Parallel(2, "loky")(delayed(sleep)(number) for number in range(2))

run_stage(main)
"""


@pytest.fixture
def stage(tmp_path) -> Path:
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/stage.py").write_text(STAGE)
    return tmp_path


@pytest.fixture
def begin(stage) -> Iterator[Callable[..., subprocess.Popen]]:
    """Runs python in a process group of its own, until what the stage starts has begun."""
    begun = []

    def begin(*command: str) -> subprocess.Popen:
        own = os.environ | {"PYTHONPATH": str(ROOT)}
        begun.append(
            subprocess.Popen(
                [sys.executable, *command],
                cwd=stage,
                env=own,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        while not (stage / "worker 0").exists():
            assert begun[-1].poll() is None, begun[-1].communicate()
            time.sleep(0.05)
        return begun[-1]

    yield begin
    for process in begun:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def left(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return those that have not ended in a while."""
    _, alive = psutil.wait_procs(processes, 20)
    return [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("how", ["workers", "program"])
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_stage_that_is_stopped_tidies_up_and_its_children_end(stage, begin, how, name, status):
    process = begin("stages/stage.py", how)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.Signals[name])
    printed = process.communicate(timeout=60)[1]
    assert process.returncode == status
    assert printed.strip().splitlines()[-1] == f"stage.py: stopped by {name}"
    assert "Traceback" not in printed
    assert children and left(children) == []
    assert not (stage / "output.part").exists() and not (stage / "output").exists()


def test_a_stop_that_is_sent_twice_at_once_still_ends_the_children(begin):
    process = begin("stages/stage.py", "workers")
    children = psutil.Process(process.pid).children(recursive=True)
    for _ in range(3):
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        time.sleep(0.001)
    stderr = process.communicate(timeout=60)[1]
    assert (process.returncode, stderr.strip().splitlines()[-1]) == (
        143,
        "stage.py: stopped by SIGTERM",
    )
    assert left(children) == []


def test_a_stop_that_is_asked_for_again_later_ends_the_process_at_once(begin):
    process = begin("stages/stage.py", "program")
    process.send_signal(signal.SIGTERM)
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(1) == -signal.SIGTERM


def test_ctrl_c_reaches_the_whole_group_and_leaves_no_process(begin):
    process = begin("stages/stage.py", "workers")
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    printed = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "stopped by SIGINT" in printed
    assert left(children) == []


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash", ""])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_where_dvc_is_killed_alone_its_stage_ends_too(stage, begin, monkeypatch, name, shell):
    monkeypatch.setenv(
        "SHELL", shell
    )  # by which DVC runs a stage: some wait for it, some become it
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=stage, check=True)
    lines = f"stages:\n  endless:\n    cmd: {sys.executable} stages/stage.py workers\n"
    (stage / "dvc.yaml").write_text(lines)
    process = begin("-m", "dvc", "repro", "-q")
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.Signals[name])
    process.communicate(timeout=60)
    assert len(children) > 2 and left(children) == []
    assert not (stage / "output.part").exists()


IMPORTS = """
'''A script that takes long to import what it needs.'''
import voicegraft.pipeline.stops
import time
from pathlib import Path
Path("worker 0").touch()
time.sleep(600)
"""


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_script_that_is_stopped_while_it_imports_ends_in_one_line(stage, begin, name, status):
    (stage / "stages/late.py").write_text(IMPORTS)
    process = begin("stages/late.py")
    process.send_signal(signal.Signals[name])
    printed = process.communicate(timeout=60)[1]
    assert (process.returncode, printed) == (status, f"late.py: stopped by {name}\n")


def test_who_imports_a_script_keeps_the_handlers_that_it_has(stage):
    (stage / "other.py").write_text("import voicegraft.pipeline.stops, signal\n"
        "print(signal.getsignal(signal.SIGINT) == signal.default_int_handler)")  # fmt: skip
    own = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "other.py"], cwd=stage, env=own, capture_output=True)
    assert done.stdout == b"True\n"


@pytest.mark.parametrize("folder", ["stages", "studies"])
def test_every_script_heeds_stops_before_it_imports_anything_else(folder):
    for script in (ROOT / folder).glob("*.py"):
        first = script.read_text(encoding="utf-8").split('"""', 2)[2].split()[:2]
        assert first == ["import", "voicegraft.pipeline.stops"], script
