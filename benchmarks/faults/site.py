"""Where faults are inflicted: a project, and beside it its undisturbed twin to compare it with."""

import filecmp
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults import runs
from benchmarks.faults.outcome import BY_HAND, HALF, WRONG, Outcome
from benchmarks.faults.project import (
    CACHE,
    DOWNLOADS,
    ROOT,
    RUNS,
    Stage,
    build,
    files_of,
    fill_downloads,
    link,
    remove,
    stages_of,
)

WATCHED = ("data", "models", "evaluation", ".voicegraft/runs", ".voicegraft/downloads")
"""Where nothing may be left that an undisturbed run does not leave."""
LEFT_BY_DESIGN = (".lock", "/lock")


@dataclass
class Site:
    """A project, its undisturbed twin, and how long stages take there (as a fork, as a process)."""

    folder: Path
    twin: Path
    downloads: Path
    seconds: dict[str, list[float]]

    @property
    def stages(self) -> dict[str, Stage]:
        """The stages of the pipeline."""
        return stages_of(self.twin)

    @property
    def kept(self) -> Path:
        """What stages keep for their next runs, put aside."""
        return self.twin.parent / "kept"

    def fresh(self, stage: Stage) -> None:
        """Take away what the stage has written and kept."""
        self.without_outputs(stage)
        for kept in (CACHE, RUNS):
            remove(self.folder / kept)
        if stage.name == "fetch_model":
            fill_downloads(self.folder / DOWNLOADS, self.downloads)

    def without_outputs(self, stage: Stage) -> None:
        """Take away its outputs, as DVC does before it runs a stage."""
        for out in stage.outs:
            remove(self.folder / out)

    def again(self, stage: Stage, outcome: Outcome, as_dvc: bool = True) -> Outcome:
        """Run the stage, and note what a good run would not have left."""
        if as_dvc:
            self.without_outputs(stage)
        outcome.look(runs.start(stage, self.folder).end())
        return self.compare(stage, outcome)

    def compare(self, stage: Stage, outcome: Outcome) -> Outcome:
        """Note outputs of other bytes than undisturbed, and files that should not be here."""
        wrong = self.different(stage)
        outcome.add(WRONG, ", ".join(wrong))
        outcome.add(BY_HAND, ", ".join(f"{name} is left" for name in self.strays()))
        return outcome

    def halves(self, stage: Stage, outcome: Outcome) -> None:
        """Note files that bear their names and are not whole."""
        there = [name for name in self.different(stage) if (self.folder / name).exists()]
        outcome.add(HALF, ", ".join(n for n in there if ".part" not in n))

    def different(self, stage: Stage) -> list[str]:
        """Return the outputs that are missing, of other bytes, or too many."""
        names = {*files_of(self.twin, *stage.outs), *files_of(self.folder, *stage.outs)}
        return sorted(name for name in names if not self.same(name))

    def same(self, name: str) -> bool:
        """Return whether a file has the bytes of the undisturbed run."""
        ours, theirs = self.folder / name, self.twin / name
        return ours.is_file() and theirs.is_file() and filecmp.cmp(ours, theirs, shallow=False)

    def strays(self) -> list[str]:
        """Return files that an undisturbed run does not leave."""
        extra = set(files_of(self.folder, *WATCHED)) - set(files_of(self.twin, *WATCHED))
        return sorted(name for name in extra if not name.endswith(LEFT_BY_DESIGN))

    def restore(self) -> None:
        """Make the project what it is after an undisturbed run."""
        for name in ("data", "models", "evaluation", ".voicegraft"):
            remove(self.folder / name)
            shutil.copytree(self.twin / name, self.folder / name, copy_function=_linked)
        remove(self.folder / "params.yaml")
        link(self.twin / "params.yaml", self.folder / "params.yaml")

    def own(self, name: str) -> Path:
        """Return a file of the project, made a copy of its own that may be damaged."""
        path = self.folder / name
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
        return path


def _linked(source: str, target: str) -> None:
    link(Path(source), Path(target))


def code_key() -> str:
    """Return a hash of what is tried: another one, another site."""
    digest = hashlib.sha256()
    for name in files_of(ROOT, "voicegraft", "stages", "dvc.yaml", "params.yaml"):
        if "__pycache__" not in name:
            digest.update(name.encode() + hashlib.sha256((ROOT / name).read_bytes()).digest())
    return digest.hexdigest()[:12]


def make_site(work: Path, downloads: Path) -> Site:
    """Return the site for the code as it is: built and run through undisturbed, if it is new.

    Raises:
        RuntimeError: if a stage fails undisturbed, or two such runs differ.
    """
    folder, twin, timed = (work / name for name in ("project", "undisturbed", "seconds.json"))
    if timed.is_file():
        site = Site(folder, twin, downloads, json.loads(timed.read_text()))
        site.restore()
        return site
    remove(work)
    build(twin, downloads)
    site = Site(folder, twin, downloads, {})
    runs_through(Site(twin, twin, downloads, site.seconds), true=True)
    shutil.copytree(twin, folder, copy_function=_linked)
    runs_through(site, true=False)
    timed.write_text(json.dumps(site.seconds))
    return site


def runs_through(site: Site, true: bool) -> None:
    """Run every stage undisturbed, note how long it takes, and compare it with its twin."""
    for name, stage in site.stages.items():
        site.fresh(stage)
        ended = runs.start(stage, site.folder, true=true).end()
        if ended.status:
            raise RuntimeError(f"{name} fails undisturbed: {ended.printed[-1000:]}")
        if different := site.different(stage):
            raise RuntimeError(f"{name}: two undisturbed runs differ in {', '.join(different)}")
        site.seconds.setdefault(name, []).insert(0, ended.seconds)
