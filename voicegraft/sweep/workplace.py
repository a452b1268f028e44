"""A separate checkout for experiments, so that the user's own is not changed.

`dvc exp run --queue` would run in copies without downloads and cached states, and encode all speech
again in each; here they are linked. Experiments are in the same git repository, so `dvc exp show`
lists them in any checkout.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dvc.repo import Repo

from voicegraft.pipeline.locks import free_dead_locks
from voicegraft.pipeline.params import read_params
from voicegraft.review.revisions import git

SHARED = (".voicegraft/downloads", ".voicegraft/cache")


class Workplace:
    """The last commit of the project at `root`, checked out into `folder`."""

    def __init__(self, root: Path, folder: Path):
        self.root, self.folder = root.resolve(), folder.resolve()
        self.baseline = git(root, "rev-parse", "HEAD").strip()
        if not (self.folder / ".git").exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            git(root, "worktree", "prune")
            git(root, "worktree", "add", "--quiet", "--detach", str(self.folder), self.baseline)
        self.reset()
        for path in (*SHARED, read_params(root / "params.yaml")["corpus"]["folder"]):
            self._link(Path(path))
        free_dead_locks(self.folder / ".dvc" / "tmp")
        self._dvc("config", "--local", "cache.dir", str(self._cache()))

    def reset(self) -> None:
        """Undo the last experiment's changes; outputs stay, because DVC tracks them."""
        git(self.folder, "checkout", "--quiet", "--force", "--detach", self.baseline)

    def run(self, name: str, settings: Sequence[str], targets: Sequence[str]) -> bool:
        """Run an experiment and return whether it succeeded."""
        self.reset()
        sets = [word for setting in settings for word in ("-S", setting)]
        # Not --force, which would ignore the run cache of an older experiment of that name.
        refs = git(self.folder, "for-each-ref", "--format=%(refname)", "refs/exps").split()
        if any(ref.endswith(f"/{name}") for ref in refs):
            self._dvc("exp", "remove", "--quiet", name)
        return self._dvc("exp", "run", "--name", name, *sets, *targets) == 0

    def scored(self, targets: Sequence[str]) -> list[str]:
        """Return the names of the models that `targets` train and score; all without targets."""
        # With the path, as DVC looks for a bare stage name in the working directory.
        full = [f"{self.folder / 'dvc.yaml'}:{target}" for target in targets]
        with Repo(str(self.folder)) as repo:
            found = [repo.stage.collect(target, with_deps=True) for target in full or [None]]
            outs = {Path(out.fs_path) for stages in found for stage in stages for out in stage.outs}
        models = {path.name for path in outs if path.parent == self.folder / "models"}
        return sorted(m for m in models if self.folder / "evaluation" / m / "metrics.json" in outs)

    def _dvc(self, *arguments: str) -> int:
        # The checkout's code, even if another is installed, and this `python` for the stages.
        places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        own = {"PYTHONPATH": str(self.folder), "PATH": places}
        command = [sys.executable, "-m", "dvc", *arguments]
        return subprocess.run(command, cwd=self.folder, env=os.environ | own).returncode

    def _cache(self) -> Path:
        command = [sys.executable, "-m", "dvc", "cache", "dir"]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=True)
        return Path(done.stdout.strip())

    def _link(self, path: Path) -> None:
        theirs, own = self.root / path, self.folder / path
        if not path.is_absolute() and not own.exists():
            theirs.mkdir(parents=True, exist_ok=True)
            own.parent.mkdir(parents=True, exist_ok=True)
            own.symlink_to(theirs, target_is_directory=True)
