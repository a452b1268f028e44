"""The cache cleared, evicted, removed and shared while an extraction runs; clocks that were set."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.faults import runs
from benchmarks.faults.outcome import WRONG, Fault, Outcome
from benchmarks.faults.project import CACHE, Stage, files_of, link
from benchmarks.faults.site import Site
from voicegraft.embedding.cache import Cache

EXTRACT = "extract_embeddings"
BYTES = 10**6
YEAR_SECONDS = 365 * 86_400
CLOCKS = {"a year ahead": YEAR_SECONDS, "a year back": -YEAR_SECONDS, "1970": None}


def clear(folder: Path) -> None:
    """Empty the cache, as `voicegraft cache --clear` does."""
    Cache(folder, BYTES).clear()


def evict(folder: Path) -> None:
    """Keep next to nothing, as another project with less room would."""
    Cache(folder, 1).trim()


def remove(folder: Path) -> None:
    """Remove the folder, as by hand."""
    shutil.rmtree(folder, ignore_errors=True)


MEDDLING: dict[str, Callable[[Path], None]] = {"clear": clear, "evict": evict, "remove": remove}


def faults(site: Site, count: int, seed: int) -> Iterator[Fault]:
    """Yield meddling with the cache, two checkouts on it, and files from other times."""
    stage = site.stages[EXTRACT]
    for number in range(count):
        for name, meddle in MEDDLING.items():
            rng = random.Random(f"{seed} {name} {number}")
            yield Fault(
                "cache under a run",
                f"{name} {number}",
                lambda rng=rng, meddle=meddle, number=number: meddled(
                    site, stage, meddle, rng, number % 10 == 9
                ),
            )
        rng = random.Random(f"{seed} two {number}")
        yield Fault(
            "two checkouts, one cache",
            f"{number}",
            lambda rng=rng, number=number: shared(site, stage, rng, number % 2 == 1),
        )
    for name, each in site.stages.items():
        for clock, seconds in CLOCKS.items():
            yield Fault(
                "clocks",
                f"{name} {clock}",
                lambda each=each, seconds=seconds: dated(site, each, seconds),
            )


def meddled(
    site: Site, stage: Stage, meddle: Callable[[Path], None], rng: random.Random, true: bool
) -> Outcome:
    """Meddle with the cache up to three times while it is written into, then extract again."""
    outcome, seconds = Outcome(), site.seconds[EXTRACT][true]
    site.fresh(stage)
    run = runs.start(stage, site.folder, true)
    for moment in sorted(rng.random() * seconds for _ in range(rng.randint(1, 3))):
        time.sleep(max(0.0, moment - (time.monotonic() - run.began)))
        meddle(site.folder / CACHE)
    site.compare(stage, outcome.look(run.end()))
    return site.again(stage, outcome)


def shared(site: Site, stage: Stage, rng: random.Random, kill: bool) -> Outcome:
    """Extract in two checkouts at once into one cache; one of them may be killed."""
    outcome, other = Outcome(), other_checkout(site)
    site.fresh(stage)
    here = runs.start(stage, site.folder)
    time.sleep(rng.random() * site.seconds[EXTRACT][0] / 2)
    there = runs.start(stage, other)
    if kill:
        time.sleep(rng.random() * site.seconds[EXTRACT][0])
        there.signal(signal.SIGKILL)
        there.end()
        there = runs.start(stage, other)
    site.compare(stage, outcome.look(here.end()))
    outcome.look(there.end())
    for name in files_of(site.twin, *stage.outs):
        if (
            not (other / name).is_file()
            or (other / name).read_bytes() != (site.twin / name).read_bytes()
        ):
            outcome.add(WRONG, f"{name} of the other checkout")
    return site.again(stage, outcome)


def other_checkout(site: Site) -> Path:
    """Return another checkout with the same cache, without embeddings."""
    other = site.folder.with_name("other")
    shutil.rmtree(other, ignore_errors=True)
    for name in ("data/corpus", "models/upstream"):
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(site.twin / name, other / name, copy_function=lambda a, b: _link(a, b))
    link(site.twin / "params.yaml", other / "params.yaml")
    (other / CACHE).parent.mkdir()
    (other / CACHE).symlink_to(site.folder / CACHE)
    (site.folder / CACHE).mkdir(parents=True, exist_ok=True)
    return other


def _link(source: str, target: str) -> None:
    link(Path(source), Path(target))


def dated(site: Site, stage: Stage, seconds: int | None) -> Outcome:
    """Give all files, what the stage kept among them, another time, then run it twice."""
    outcome = Outcome()
    site.fresh(stage)
    run = runs.start(stage, site.folder)
    time.sleep(site.seconds[stage.name][0] * 0.7)
    run.signal(signal.SIGKILL)
    run.end()
    now = time.time()
    for name in files_of(site.folder, "data", "models", "evaluation", ".voicegraft"):
        path = site.folder / name
        moment = 0 if seconds is None else now + seconds
        if path.stat().st_nlink == 1:  # the others are those of the twin as well
            os.utime(path, (moment, moment))
    site.again(stage, outcome, as_dvc=False)
    return site.again(stage, outcome)
