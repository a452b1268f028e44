"""Inflict faults on the pipeline and count how they end: `make faults`.

Reads   DOWNLOADS, with the wheels of Whisper base and the Czech game's packages
Writes  WORK, a project that is maltreated there, its undisturbed twin, and a journal of outcomes:
        a run that was stopped goes on; benchmarks/results.json, its part `faults`, in which
        journals of EARLIER states of the code stand for the parts that are not asked for
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from benchmarks.faults import caches, disks, inputs, kills, networks, repros, runs
from benchmarks.faults.outcome import KINDS, Fault, Journal, together
from benchmarks.faults.site import Site, code_key, make_site
from benchmarks.results import keep
from voicegraft.pipeline.command import run_stage

PARTS = {
    "kills": kills.faults,
    "stops": kills.stops,
    "disks": disks.faults,
    "inputs": inputs.faults,
    "caches": caches.faults,
    "networks": networks.faults,
    "repros": repros.faults,
}


def planned(site: Site, parts: list[str], count: int, seed: int) -> Iterator[Fault]:
    """Yield the faults of the parts asked for."""
    for part in parts or PARTS:
        if part not in PARTS:
            raise ValueError(f"{part} is no part; there are {', '.join(PARTS)}")
        yield from PARTS[part](site, count, seed)


def main(
    downloads: Path,
    work: Path,
    parts: list[str] | None = None,
    count: int = 50,
    seed: int = 1,
    only: str = "",
    save: bool = True,
    earlier: list[Path] | None = None,
) -> None:
    runs.get_ready()
    tqdm.monitor_interval = 0  # a thread of its own would not survive a fork
    work = work.resolve() / code_key()
    site = make_site(work, downloads.resolve())
    journal = Journal(work / f"journal_{seed}_{count}.jsonl")
    faults = [fault for fault in planned(site, parts, count, seed) if only in fault.name]
    try:
        for fault in tqdm([f for f in faults if f not in journal], unit="fault", smoothing=0.02):
            outcome = fault.inflict()
            if outcome.wrong:
                site.restore()
            journal.add(fault, outcome)
            for kind, what in outcome.wrong.items():
                tqdm.write(f"{fault.part}: {fault.name}: {kind}: {what}", file=sys.stderr)
    finally:
        runs.kill_all()
    counts, code = together([*map(Journal, earlier or []), journal])
    if save:
        keep("faults", {"parts": counts, "per_stage": count, "seed": seed, "code": code})
    total = sum(map(Counter, counts.values()), Counter())
    print(total["faults"], "faults:", ", ".join(f"{total[kind]} {kind}" for kind in KINDS))


if __name__ == "__main__":
    run_stage(main)
