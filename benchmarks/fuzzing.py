"""Damaged files of strangers, given to whoever reads them: each is read, or refused by its name.

usage: python -m benchmarks.fuzzing [--minutes 20] [--only NAME] [--seed 1]

A reader may raise an error of this project's, or of the system's, that names the file. Another
exception, the end of the process, more than 10 s or 2 GB for a file of some kilobytes is a fault;
it is printed with its seed, which gives the same bytes again.
"""

import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Annotated

import psutil
import typer

from benchmarks.foreign import Foreign, all_foreign
from benchmarks.mutations import mutated

PATIENCE_SECONDS = 10.0
MOST_BYTES = 2 * 2**30
FAULTS_SHOWN = 6


@dataclass
class Found:
    """What came of the files of one kind.

    Attributes:
        ends: how many were read, refused by name, or ended in a fault.
        faults: (seed, what happened), each kind of fault once.
    """

    ends: Counter[str] = field(default_factory=Counter)
    faults: dict[str, int] = field(default_factory=dict)


def end_of(foreign: Foreign, name: str, seed: int, folder: Path) -> tuple[str, str]:
    """Damage one file in `folder`, read it, and return how that ended, and a fault's words."""
    content = foreign.around(mutated(foreign.content, Random(f"{name} {seed}")))
    foreign.make(folder)
    path = folder / foreign.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    try:
        foreign.read(folder)
    except (ValueError, OSError, RuntimeError) as error:
        ours = type(error).__module__.startswith("voicegraft.") or isinstance(error, OSError)
        named = path.name in str(error) or str(folder) in str(error)
        if ours and named:
            return "refused", ""
        return "fault", f"{type(error).__name__}, {_place(error)}: {str(error)[:90]}"
    except Exception as error:  # noqa: BLE001 - which is what is looked for
        return "fault", f"{type(error).__name__}, {_place(error)}: {str(error)[:90]}"
    return "read", ""


def _place(error: BaseException) -> str:
    """Return the last line of ours that an error went through."""
    trace, place = error.__traceback__, "?"
    while trace:
        code = trace.tb_frame.f_code
        if "voicegraft" in code.co_filename.split("site-packages")[-1] and "/benchmarks/" not in (
            code.co_filename
        ):
            place = f"{Path(code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _work(
    foreign: Foreign, name: str, seeds: Iterator[int], until: float, reports: Connection
) -> None:
    """Read damaged files until the time is up; tell each seed before, and its end after."""
    limit = psutil.Process().memory_info().vms + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries in C say there what they met
    for seed in seeds:
        if time.monotonic() > until:
            return reports.send(None)
        reports.send(seed)
        with tempfile.TemporaryDirectory() as folder:
            reports.send(end_of(foreign, name, seed, Path(folder)))
    return None


def fuzz(foreign: Foreign, name: str, first: int, seconds: float) -> Found:
    """Read damaged files for some seconds, in a process that may end or hang."""
    context = multiprocessing.get_context("fork")
    found, until, seed = Found(), time.monotonic() + seconds, first - 1
    while time.monotonic() < until:
        ours, theirs = context.Pipe(duplex=False)
        seeds = iter(range(seed + 1, sys.maxsize))
        child = context.Process(target=_work, args=(foreign, name, seeds, until, theirs))
        child.start()
        theirs.close()
        try:
            while ours.poll(PATIENCE_SECONDS):
                report = ours.recv()
                if report is None:
                    break
                if isinstance(report, int):
                    seed = report
                    continue
                found.ends[report[0]] += 1
                if report[1]:
                    found.faults.setdefault(report[1], seed)
            else:
                found.ends["fault"] += 1
                found.faults.setdefault(f"hangs for {PATIENCE_SECONDS:g} s", seed)
        except EOFError:
            child.join()
            found.ends["fault"] += 1
            found.faults.setdefault(f"ends the process: {child.exitcode}", seed)
        child.kill()
        child.join()
    return found


def main(
    minutes: Annotated[float, typer.Option(help="for all readers together")] = 20.0,
    only: Annotated[str, typer.Option(help="a word in the names of the readers")] = "",
    seed: Annotated[int, typer.Option(help="of the first file of each reader")] = 1,
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        chosen = {n: f for n, f in all_foreign(Path(scratch)).items() if only in n}
        print("| file | read | refused by name | faults |\n|---|---|---|---|")
        total = Counter()
        for name, foreign in chosen.items():
            found = fuzz(foreign, name, seed, 60 * minutes / len(chosen))
            total += found.ends
            ends = (f"{found.ends[end]:,}" for end in ("read", "refused", "fault"))
            print(f"| {name} | {' | '.join(ends)} |", flush=True)
            for fault, at in list(found.faults.items())[:FAULTS_SHOWN]:
                print(f"  seed {at}: {fault}", file=sys.stderr, flush=True)
    print(f"| all | {total['read']:,} | {total['refused']:,} | {total['fault']:,} |")
    sys.exit(1 if total["fault"] else 0)


if __name__ == "__main__":
    typer.run(main)
