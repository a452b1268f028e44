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
from reproduced import begin_dvc

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
            subprocess.run(["sh", "-c", "trap '' TERM; sleep 600 & touch 'worker 0'; wait"])
        Parallel(2, "loky")(delayed(sleep)(number) for number in range(2))

run_stage(main)
"""
BAR = """
'''A stage that ends while it shows a bar.'''
import os
from tqdm import tqdm
from voicegraft.pipeline.command import run_stage

def main() -> None:
    bar = tqdm(range(9))
    {ends}

run_stage(main)
"""
LATE = """
'''A stage that is stopped when all is done and Python ends.'''
import atexit, os, signal
from voicegraft.pipeline.command import run_stage

atexit.register(lambda: os.kill(os.getpid(), signal.{name}))

def main() -> None:
    print("done")

run_stage(main)
"""
DELETED = """
'''A stage that is stopped where Python ignores what is raised.'''
import os, signal, time
from voicegraft.pipeline.command import run_stage

class Deleted:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0)

def main() -> None:
    Deleted()
    time.sleep(30)

run_stage(main)
"""
SWALLOWED = """
'''A stage in which a library makes another error of a stop, or nothing.'''
import os, signal
from voicegraft.pipeline.command import run_stage

def main() -> None:
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except BaseException:
        {then}

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


@pytest.mark.parametrize(
    ("ends", "line"),
    [("os.kill(os.getpid(), 15)", "stopped by SIGTERM"), ("raise OSError('full')", "full")],
)
def test_how_a_stage_ended_is_said_last_and_not_by_a_bar_before_it(stage, ends, line):
    script = stage / "stages/bar.py"
    script.write_text(BAR.format(ends=ends))
    own = os.environ | {"PYTHONPATH": str(ROOT)}
    found = subprocess.run([sys.executable, script], env=own, stderr=subprocess.PIPE, text=True)
    assert found.stderr.splitlines()[-1] == f"bar.py: {line}"


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_stop_that_comes_as_python_ends_is_said_in_a_line(stage, name, status):
    script = stage / "stages/late.py"
    script.write_text(LATE.format(name=name))
    own = os.environ | {"PYTHONPATH": str(ROOT)}
    found = subprocess.run([sys.executable, script], env=own, capture_output=True, text=True)
    assert found.stderr == f"late.py: stopped by {name}\n"
    assert (found.stdout, found.returncode) == ("done\n", status)


def test_a_stop_that_comes_as_an_object_is_deleted_is_not_lost(stage):
    script = stage / "stages/deleted.py"
    script.write_text(DELETED)
    own = os.environ | {"PYTHONPATH": str(ROOT)}
    found = subprocess.run([sys.executable, script], env=own, capture_output=True, text=True)
    assert (found.stderr, found.returncode) == ("deleted.py: stopped by SIGTERM\n", 143)


@pytest.mark.parametrize("then", ["raise OSError('no shape')", "raise KeyError('shape')", "pass"])
def test_a_stop_of_which_a_library_makes_something_else_is_still_one(stage, then):
    script = stage / "stages/swallowed.py"
    script.write_text(SWALLOWED.format(then=then))
    own = os.environ | {"PYTHONPATH": str(ROOT)}
    found = subprocess.run([sys.executable, script], env=own, capture_output=True, text=True)
    assert (found.stderr, found.returncode) == ("swallowed.py: stopped by SIGTERM\n", 143)


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
    begin_dvc(stage)
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


@pytest.mark.parametrize(("name", "imported"), [("names", "pydantic"), ("locks", "dvc")])
def test_what_runs_before_a_stage_is_stopped_in_a_line_too(stage, begin, name, imported):
    waits = "from pathlib import Path; import time; Path('worker 0').touch(); time.sleep(600)"
    (stage / f"{imported}.py").write_text(waits)
    process = begin("-m", f"voicegraft.pipeline.{name}")
    process.send_signal(signal.SIGINT)
    printed = process.communicate(timeout=60)[1]
    assert (process.returncode, printed) == (130, f"{name}.py: stopped by SIGINT\n")


@pytest.mark.parametrize("folder", ["stages", "studies"])
def test_every_script_heeds_stops_before_it_imports_anything_else(folder):
    for script in (ROOT / folder).glob("*.py"):
        first = script.read_text(encoding="utf-8").split('"""', 2)[2].split()[:2]
        assert first == ["import", "voicegraft.pipeline.stops"], script
