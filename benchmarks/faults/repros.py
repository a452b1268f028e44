"""True runs of DVC: killed and run again, two at once, and asked whether it sees a changed byte.

`dvc` and its process group are killed; then the way of `make repro` is gone: locks of dead runs are
freed, and `dvc repro` goes on. Two `dvc exp run --temp` with other knobs run in one checkout; two
checkouts with one cache of DVC's and one of states reproduce at once.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.faults.inputs import changed, watched
from benchmarks.faults.outcome import BY_HAND, UNCLEAR, WRONG, Fault, Outcome
from benchmarks.faults.project import CACHE, begin, build, files_of, remove
from benchmarks.faults.runs import LONGEST_SECONDS, Run
from benchmarks.faults.site import Site

PYTHON = sys.executable
REPRO = f"{PYTHON} -m voicegraft.pipeline.locks && exec {PYTHON} -m dvc repro"
EXPERIMENT = f"exec {PYTHON} -m dvc exp run --temp -S train_head.seed="
STATUS = f"exec {PYTHON} -m dvc status"
LONGEST = 10 * LONGEST_SECONDS
MOMENTS = 1.2
"""Of the time of all stages as processes, within which a run of DVC is killed."""


def faults(site: Site, count: int, seed: int) -> Iterator[Fault]:
    """Yield kills of `dvc repro`, runs of it at once, and questions to `dvc status`."""
    for number in range(count // 5):
        rng = random.Random(f"{seed} repro {number}")
        yield Fault("dvc killed", f"repro {number}", lambda rng=rng: killed(site, rng))
    for number in range(count // 25):
        yield Fault("two runs of dvc", f"experiments {number}", lambda: experiments(site))
        yield Fault("two runs of dvc", f"checkouts {number}", lambda: checkouts(site))
    files = {file: None for stage in site.stages.values() for file in watched(site, stage)}
    for file in files:
        rng = random.Random(f"{seed} status {file}")
        yield Fault("seen by dvc status", file, lambda file=file, rng=rng: seen(site, file, rng))


def shell(line: str, folder: Path) -> Run:
    """Start a line of the shell in `folder`, as a process group of its own."""
    handle, name = tempfile.mkstemp(".log", "run")
    environment = os.environ | {
        "PATH": f"{Path(PYTHON).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder),
    }
    process = subprocess.Popen(
        ["sh", "-c", line],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=handle,
        stderr=handle,
        start_new_session=True,
    )
    os.close(handle)
    return Run(process.pid, Path(name), process.poll)


def checkout(site: Site, name: str = "checkout", done: bool = False) -> Path:
    """Return a fresh checkout with a cache of DVC's; where it is `done`, reproduced already."""
    folder, reproduced = site.folder.with_name(name), site.folder.with_name("reproduced")
    remove(folder)
    if not done:
        build(folder, site.downloads)
        begin(folder)
        return folder
    if not reproduced.is_dir():
        shell(REPRO, checkout(site, "reproduced")).end(LONGEST)
    shutil.copytree(reproduced, folder, symlinks=True)
    return folder


def differing(site: Site, folder: Path) -> str:
    """Return the outputs there that are not those of the undisturbed run."""
    outs = [out for stage in site.stages.values() for out in stage.outs]
    names = {*files_of(site.twin, *outs), *files_of(folder, *outs)}
    pairs = ((name, site.twin / name, folder / name) for name in sorted(names))
    return ", ".join(n for n, a, b in pairs if not _alike(a, b))


def _alike(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()


def killed(site: Site, rng: random.Random) -> Outcome:
    """Kill DVC and its group while it reproduces, the stage being left for later or not."""
    outcome, folder = Outcome(), checkout(site)
    run = shell(REPRO, folder)
    time.sleep(rng.random() * MOMENTS * sum(true for _, true in site.seconds.values()))
    run.signal(signal.SIGKILL)
    run.end()
    outcome.look(shell(REPRO, folder).end(LONGEST))
    outcome.add(WRONG, differing(site, folder))
    return outcome


def experiments(site: Site) -> Outcome:
    """Run two experiments at once in one checkout; both end well, and change nothing here."""
    outcome, folder = Outcome(), checkout(site, done=True)
    for run in [shell(f"{EXPERIMENT}{seed}", folder) for seed in (2, 3)]:
        outcome.look(run.end(LONGEST))
    outcome.add(WRONG, differing(site, folder))
    return outcome


def checkouts(site: Site) -> Outcome:
    """Reproduce in two checkouts at once, whose caches are the same."""
    outcome, folders = Outcome(), [checkout(site, name) for name in ("checkout", "second")]
    store, states = folders[0] / ".dvc/cache", folders[0] / CACHE
    for folder in folders[1:]:
        (folder / CACHE).symlink_to(states)
        where = ["config", "--local", "cache.dir", str(store)]
        subprocess.run([PYTHON, "-m", "dvc", *where], cwd=folder, check=True)
    states.mkdir(parents=True)
    for run in [shell(REPRO, folder) for folder in folders]:
        outcome.look(run.end(LONGEST))
    for folder in folders:
        outcome.add(WRONG, differing(site, folder))
    return outcome


def seen(site: Site, file: str, rng: random.Random) -> Outcome:
    """Change a byte of a file that DVC watches: `dvc status` has to name it, or what holds it."""
    outcome, folder = Outcome(), site.folder.with_name("checkout")
    if not (folder / ".dvc/tmp/reproduced").is_file():
        folder = checkout(site, done=True)
        (folder / ".dvc/tmp/reproduced").touch()
    path = folder / file
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(changed(content, rng))
    ended = shell(STATUS, folder).end(LONGEST)
    outcome.look(ended, (0, 1, 255))
    parents = {file, *map(str, Path(file).parents)} - {"."}
    outcome.add(WRONG, not any(name in ended.printed for name in parents) and ended.printed)
    outcome.add(UNCLEAR, not ended.printed and "dvc status said nothing")
    path.write_bytes(content)
    outcome.add(BY_HAND, "")
    return outcome
