"""Free DVC's locks of killed runs, before `dvc repro`: `python -m voicegraft.pipeline.locks`.

DVC writes into .dvc/tmp/rwlock which process reads and writes which path, and a process that is
killed leaves its lines there. DVC 3.67 drops those whose process number is gone (`dvc/rwlock.py`).
It stops with status 255, and asks for the file to be removed by hand, where the number belongs to
a dead process that nobody has waited for, or to another program (numbers start anew with a
container), or where the kill came while the file was written.
"""

import json
from pathlib import Path
from typing import Any

import psutil
from dvc.lock import make_lock

from voicegraft.pipeline.files import whole

FILES = ("rwlock", "exps/rwlock")
Holder = dict[str, Any]


def free_dead_locks(folder: Path) -> list[str]:
    """Drop from DVC's lock files what no running DVC holds, and describe what was dropped.

    Args:
        folder: DVC's own, `.dvc/tmp`; where there is none, nothing is held.
    """
    files = [folder / name for name in FILES]
    return [line for file in files if file.is_file() for line in _free(file)]


def _free(file: Path) -> list[str]:
    with make_lock(f"{file}.lock"):  # as DVC does while it edits the file
        try:
            held = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            file.unlink()
            return [f"{file}, which was not whole"]
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
    return sorted({f"what `{h['cmd']}` (process {h['pid']}) held when it ended" for h in dead})


def _without(holders: list[Holder], dead: list[Holder]) -> list[Holder]:
    return [holder for holder in holders if holder not in dead]


def is_running(holder: Holder) -> bool:
    """Return whether the process that DVC wrote down still runs; if in doubt, it does."""
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


def main() -> None:
    """Free them in the project of the working directory."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / ".dvc").is_dir():
            for line in free_dead_locks(folder / ".dvc" / "tmp"):
                print(f"freed {line}")
            return


if __name__ == "__main__":
    main()
