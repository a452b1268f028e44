"""Each input truncated, emptied, removed, and with a byte changed.

A stage has to end in a line that names the file, or with the right bytes. Where it does neither,
only DVC can know, which hashes what lies between stages: that is counted apart, and only for files
that DVC watches (`dvc status` is asked in `with_dvc`). What nobody watches, as downloads, the cache
and checkpoints, has to show by itself whether it is whole.
"""

import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.faults import runs
from benchmarks.faults.outcome import BY_DVC, WRONG, Fault, Outcome
from benchmarks.faults.project import CACHE, DOWNLOADS, RUNS, Stage, files_of, remove
from benchmarks.faults.site import Site

MOST_FILES = 8
KNOBS = "params.yaml"
OWN = ("data/own/", KNOBS)
"""Written by a person: what is wrong with it is said in a line, by what it means."""
WHOLE = "whole"
KEPT = {
    "fetch_model": (str(DOWNLOADS),),
    "extract_embeddings": (str(CACHE),),
    "train_head": (str(RUNS),),
    "finetune@top3": (str(RUNS),),
}
"""What a stage finds again that DVC does not watch."""
READ_WITHOUT_DEP = {"judge_transfer": ("evaluation",)}
"""Outputs of other stages for which data/predictions stands."""


def truncated(content: bytes, rng: random.Random) -> bytes:
    """Return the content to somewhere."""
    return content[: rng.randrange(1, max(2, len(content)))]


def cut_short(content: bytes, rng: random.Random) -> bytes:  # noqa: ARG001
    """Return all but the last byte."""
    return content[:-1]


def emptied(content: bytes, rng: random.Random) -> bytes:  # noqa: ARG001
    """Return nothing."""
    return b""


def changed(content: bytes, rng: random.Random) -> bytes:
    """Return the content with another byte in one place."""
    place = rng.randrange(len(content))
    other = bytes([content[place] ^ rng.randrange(1, 256)])
    return content[:place] + other + content[place + 1 :]


DAMAGES: dict[str, Callable[[bytes, random.Random], bytes] | None] = {
    "truncated": truncated,
    "truncated elsewhere": truncated,
    "one byte short": cut_short,
    "emptied": emptied,
    "one byte changed": changed,
    "another byte changed": changed,
    "removed": None,
}


def faults(site: Site, count: int, seed: int) -> Iterator[Fault]:  # noqa: ARG001
    """Yield each damage to each input of each stage."""
    if not (site.kept / WHOLE).is_file():
        keep_states(site)
    for name, stage in site.stages.items():
        for file in watched(site, stage):
            for damage in DAMAGES:
                yield _fault(site, stage, file, damage, seed, name)
        for file in unwatched(site, stage):
            for damage in DAMAGES:
                yield _fault(site, stage, file, damage, seed, name, kept=True)


def _fault(
    site: Site, stage: Stage, file: str, damage: str, seed: int, name: str, kept: bool = False
) -> Fault:
    rng = random.Random(f"{seed} {name} {file} {damage}")
    return Fault(
        "kept files" if kept else "inputs",
        f"{name} {file} {damage}",
        lambda: damaged(site, stage, file, DAMAGES[damage], rng, kept),
    )


def watched(site: Site, stage: Stage) -> list[str]:
    """Return what a stage reads and DVC watches; of many files, some."""
    files = list(files_of(site.twin, *stage.inputs, *READ_WITHOUT_DEP.get(stage.name, ())))
    step = -(-len(files) // MOST_FILES)
    return [*files[:: step or 1], KNOBS]


def unwatched(site: Site, stage: Stage) -> list[str]:
    """Return what a stage has kept for its next run: downloads, the cache, a checkpoint."""
    found = files_of(site.kept / stage.name, *KEPT.get(stage.name, ()))
    return [name for name in found if not name.endswith("lock")]


def keep_states(site: Site) -> None:
    """Let stages keep what they do, and put it aside: of a training, a checkpoint of its middle."""
    remove(site.kept)
    for name in KEPT:
        stage = site.stages[name]
        site.restore()
        site.fresh(stage)
        run = runs.start(stage, site.folder)
        if str(RUNS) in KEPT[name]:
            while run.status() is None and not list(site.folder.glob(f"{RUNS}/*/*/*.safetensors")):
                time.sleep(0.002)
            run.signal(signal.SIGKILL)
        run.end()
        for place in KEPT[name]:
            shutil.copytree(site.folder / place, site.kept / name / place)
    site.restore()
    (site.kept / WHOLE).touch()


def put_kept(site: Site, stage: Stage) -> None:
    """Put back what the stage had kept."""
    site.fresh(stage)
    for place in KEPT[stage.name]:
        remove(site.folder / place)
        shutil.copytree(site.kept / stage.name / place, site.folder / place)


def damaged(
    site: Site,
    stage: Stage,
    file: str,
    damage: Callable[[bytes, random.Random], bytes] | None,
    rng: random.Random,
    kept: bool,
) -> Outcome:
    """Run the stage with one file damaged; where it had kept that file itself, run it again."""
    outcome = Outcome()
    if kept:
        put_kept(site, stage)
    else:
        site.fresh(stage)
    path = site.own(file)
    content = path.read_bytes()
    if damage:
        path.write_bytes(damage(content, rng))
    else:
        path.unlink()
    names = [""] if file.startswith(OWN) else [Path(file).name]
    outcome.refused(runs.start(stage, site.folder).end(), *names)
    if not outcome.wrong and outcome.well != "refused in a line" and site.different(stage):
        wrong = ", ".join(site.different(stage))
        outcome.well = BY_DVC
        outcome.add(WRONG, kept and wrong)
    if kept:
        return site.again(stage, outcome)
    site.restore()
    return outcome
