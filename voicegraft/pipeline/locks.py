"""Mend what killed runs of DVC left, before `dvc repro`: `python -m voicegraft.pipeline.locks`.

DVC records in .dvc/tmp/rwlock which process reads and writes which path. A killed process leaves
its entries there. DVC 3.67 drops entries whose process number is gone (`dvc/rwlock.py`). In three
cases it stops with status 255 and asks the user to remove the file: the number belongs to a zombie;
it belongs to another program (numbers start again in a new container); or the kill came while the
file was written. It also stops at a dvc.lock that was being written, which it does not do at once.
"""

import voicegraft.pipeline.stops  # noqa: F401 - Ctrl-C ends it in a line

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from dvc.exceptions import DvcException
from dvc.lock import LockError, make_lock
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils.serialize import load_yaml
from voluptuous import Invalid

from voicegraft.pipeline.files import whole

FILES = ("rwlock", "exps/rwlock")
PIPELINES = ("dvc.yaml", "*/dvc.yaml", "*/*/dvc.yaml")
Holder = dict[str, Any]


def free_dead_locks(folder: Path) -> list[str]:
    """Drop entries of DVC's lock files that no running DVC holds; return a line for each of them.

    Args:
        folder: DVC's own, `.dvc/tmp`; it may be missing.
    """
    files = [folder / name for name in FILES]
    return [line for file in files if file.is_file() for line in _free(file)]


def _free(file: Path) -> list[str]:
    with make_lock(f"{file}.lock"):  # DVC holds this lock while it edits the file
        try:
            held = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            file.unlink()
            return [f"{file}, which was incomplete"]
        writers, readers = held.get("write", {}), held.get("read", {})
        holders = [*writers.values(), *(h for several in readers.values() for h in several)]
        dead = [holder for holder in holders if not is_running(holder)]
        if dead:
            kept = {
                "write": {path: h for path, h in writers.items() if h not in dead},
                "read": {p: alive for p, h in readers.items() if (alive := _without(h, dead))},
            }
            with whole(file) as partial:
                partial.write_text(json.dumps(kept), encoding="utf-8")
    return sorted({f"the locks of `{h['cmd']}` (process {h['pid']})" for h in dead})


def _without(holders: list[Holder], dead: list[Holder]) -> list[Holder]:
    return [holder for holder in holders if holder not in dead]


def is_running(holder: Holder) -> bool:
    """Return whether the process that DVC recorded is still running; True if in doubt."""
    try:
        process = psutil.Process(holder["pid"])
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        words = process.cmdline()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    last = holder["cmd"].rsplit(" ", 1)[-1]
    return any(Path(word).stem == "dvc" for word in words) or last in " ".join(words)


def mend_lock_files(root: Path) -> list[str]:
    """Put the last commit's dvc.lock in the place of one that is no more whole, or remove it.

    Nothing runs again for it: DVC's run cache knows what was run since. While another DVC is at
    work, everything is left.

    Returns:
        A line for each file.
    """
    held = root / ".dvc/tmp/lock"
    held.parent.mkdir(exist_ok=True)  # DVC makes it when it is first run
    try:
        with make_lock(str(held)):
            return [_mended(file) for file in _lock_files(root) if not _is_whole(file)]
    except LockError:
        return []


def _lock_files(root: Path) -> Iterator[Path]:
    files = (path.with_suffix(".lock") for name in PIPELINES for path in root.glob(name))
    return (file for file in files if file.is_file())


def _is_whole(file: Path) -> bool:
    try:
        COMPILED_LOCKFILE_SCHEMA(load_yaml(file))
    except (DvcException, Invalid, ValueError):
        return False
    return True


def _mended(file: Path) -> str:
    show = ["git", "show", f"HEAD:./{file.name}"]
    committed = subprocess.run(show, cwd=file.parent, capture_output=True, check=False)
    if committed.returncode:
        file.unlink()
        return f"removed {file}, which was incomplete"
    with whole(file) as partial:
        partial.write_bytes(committed.stdout)
    return f"took {file} from the last commit, as it was incomplete"


def main() -> None:
    """Mend the project around the working directory."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / ".dvc").is_dir():
            for line in free_dead_locks(folder / ".dvc" / "tmp"):
                print(f"freed {line}")
            for line in mend_lock_files(folder):
                print(line)
            return


if __name__ == "__main__":
    main()
