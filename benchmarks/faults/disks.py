"""Each output on a full disk and in a folder that cannot be written: true small file systems.

A tmpfs, which Linux lets root mount, takes the place of a folder that a stage writes into, filled
until so many pages are left; or the folder is mounted read-only.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.faults import runs
from benchmarks.faults.outcome import HALF, Fault, Outcome
from benchmarks.faults.project import CACHE, DOWNLOADS, RUNS, Stage, files_of
from benchmarks.faults.site import Site

PAGE_BYTES = 4096
SHARES = (0.2, 0.5, 0.8, 0.97)
FILLER = "filler"


def can_mount(folder: Path) -> bool:
    """Return whether this user may mount file systems."""
    folder.mkdir(parents=True, exist_ok=True)
    tried = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True)
    return tried.returncode == 0 and not subprocess.run(["umount", folder]).returncode


def places(stage: Stage) -> list[str]:
    """Return the folders that a stage writes into, what it keeps between runs among them."""
    words = [word for command in stage.commands for word in command.split()]
    found = {_folder(out) for out in stage.outs}
    found |= {w for w in words if w.startswith((str(CACHE), str(RUNS)))}
    return sorted(found | ({str(DOWNLOADS)} if stage.name == "fetch_model" else set()))


def _folder(out: str) -> str:
    """Return an output's folder: itself, or where it lies, or of curves their top."""
    path = Path(out.split("/plots/")[0])
    return str(path.parent if path.suffix else path)


@contextmanager
def mounted(folder: Path, free_pages: int, aside: Path) -> Iterator[None]:
    """Put a tmpfs in place of `folder`, with what is there and so many pages left."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(folder, aside)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", folder], check=True)
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        state = os.statvfs(folder)
        used = state.f_blocks - state.f_bfree
        _resize(folder, max(1, used + free_pages))
        if not used + free_pages:  # a size of nothing is no limit
            (folder / FILLER).write_bytes(bytes(PAGE_BYTES))
        yield
    finally:
        shutil.rmtree(aside)
        subprocess.run(["umount", "-l", folder], check=True)


def _resize(folder: Path, pages: int) -> None:
    size = f"remount,size={pages * PAGE_BYTES}"
    subprocess.run(["mount", "-o", size, folder], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Make a folder one that nobody can write into."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def faults(site: Site, count: int, seed: int) -> Iterator[Fault]:  # noqa: ARG001
    """Yield each output on disks of several sizes, and in a folder that is read-only."""
    if not can_mount(site.folder.parent / "mounts"):
        print("disks: left out, as only root may mount a small file system")
        return
    for name, stage in site.stages.items():
        for place in places(stage):
            for pages in sizes(site, stage, place):
                yield Fault(
                    "full disks",
                    f"{name} {place} {pages} pages",
                    lambda stage=stage, place=place, pages=pages: full(site, stage, place, pages),
                )
            yield Fault(
                "read-only folders",
                f"{name} {place}",
                lambda stage=stage, place=place: refused(site, stage, place),
            )


def sizes(site: Site, stage: Stage, place: str) -> list[int]:
    """Return numbers of free pages, from none to one less than what the stage writes there."""
    written = [n for n in files_of(site.twin, *stage.outs) if n.startswith(f"{place}/")]
    pages = [-(-(site.twin / n).stat().st_size // PAGE_BYTES) for n in written]
    ends = [sum(pages[: k + 1]) for k in range(len(pages))]
    total = sum(pages) or (60_000 if place == str(DOWNLOADS) else 2_000)
    chosen = {0, 1, total - 1, *(round(total * share) for share in SHARES)}
    return sorted(chosen | {end - 1 for end in ends[:-1]} if len(ends) < 12 else chosen)


def full(site: Site, stage: Stage, place: str, pages: int) -> Outcome:
    """Run the stage where the disk becomes full, and again where it does not."""
    outcome = Outcome()
    site.fresh(stage)
    with mounted(site.folder / place, pages, site.folder.parent / "aside"):
        outcome.refused(runs.start(stage, site.folder).end(), *_names(site, stage, place))
        (site.folder / place / FILLER).unlink(missing_ok=True)
        site.halves(stage, outcome)
        left = [n for n in files_of(site.folder, place) if n.endswith(".part")]
        outcome.add(HALF, ", ".join(left))
        _resize(site.folder / place, 2**18)
        site.again(stage, outcome, as_dvc=False)
    return outcome


def refused(site: Site, stage: Stage, place: str) -> Outcome:
    """Run the stage where a folder cannot be written, and again where it can."""
    outcome = Outcome()
    site.fresh(stage)
    with read_only(site.folder / place):
        outcome.refused(runs.start(stage, site.folder).end(), *_names(site, stage, place))
        site.halves(stage, outcome)
    return site.again(stage, outcome, as_dvc=False)


def _names(site: Site, stage: Stage, place: str) -> list[str]:
    """Return what an error may name: the folder, or a file in it."""
    files = [Path(n).name for n in files_of(site.twin, *stage.outs) if n.startswith(f"{place}/")]
    return [place, *files]
