"""The project's files at a revision, or in the working tree."""

import json
import subprocess
from functools import cached_property
from pathlib import Path
from typing import Any

from voicegraft.evaluation.current import Current
from voicegraft.evaluation.paired import Scored
from voicegraft.pipeline.params import TRANSCRIPTION, parse
from voicegraft.pipeline.provenance import named
from voicegraft.privacy.verdict import from_json
from voicegraft.review.rates import PARSERS


class RevisionError(ValueError):
    """A revision is unknown to git, or has nothing to compare."""


class Revision:
    """The files in folder `root` at revision `name`; the working tree if `name` is None."""

    def __init__(self, root: Path, name: str | None = None):
        self.root, self.name = root, name
        if name is not None:
            self.commit = git(
                root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"
            ).strip()

    @property
    def title(self) -> str:
        """Its short hash, or "working tree"."""
        return "working tree" if self.name is None else self.commit[:7]

    def read(self, path: str) -> str | None:
        """Return the text of a file, or None if it is missing."""
        if self.name is None:
            file = self.root / path
            return file.read_text(encoding="utf-8") if file.is_file() else None
        shown = _run(self.root, "show", f"{self.commit}:./{path}")
        return shown.stdout if shown.returncode == 0 else None

    def models(self) -> list[str]:
        """Return the names of the models with a current evaluation."""
        return [model for model in self._evaluated() if model not in self.old]

    @cached_property
    def old(self) -> dict[str, str]:
        """The reasons for outdated evaluations, by the name of the model."""
        of = {model: self.named(f"{model}/rates.json") for model in self._evaluated()}
        return {model: why for model in of if (why := self.current.why_old(of[model]))}

    @cached_property
    def current(self) -> Current:
        """The provenance that evaluations must have."""
        return Current.read(self._json)

    def named(self, place: str) -> dict[str, str]:
        """Return the provenance of a file in evaluation/."""
        return named(self._json(f"evaluation/{place}"))

    def _evaluated(self) -> list[str]:
        if self.name is None:
            found = (self.root / "evaluation").glob("*/utterances.csv")
            return sorted(path.parent.name for path in found)
        listed = git(self.root, "ls-tree", "-r", "--name-only", self.commit, "evaluation/")
        paths = [Path(line) for line in listed.splitlines()]
        own = [path for path in paths if len(path.parts) == 3]  # not those of seeds/<model>
        return sorted(path.parent.name for path in own if path.name == "utterances.csv")

    def scores(self, model: str) -> list[Scored]:
        """Return the errors of `model`, clip by clip."""
        text = self.read(f"evaluation/{model}/utterances.csv")
        if text is None:
            raise RevisionError(f"{self.title}: evaluation/{model}/utterances.csv is not there")
        return PARSERS[self.params().get("task", TRANSCRIPTION)](text)

    def noise(self, model: str) -> dict[str, Any]:
        """Return the variation of the rates of `model` by seed; empty if it was not measured.

        It is also empty if the measurement was on another corpus, or with other knobs.
        """
        place = f"seeds/{model}/metrics.json"
        found = self._json(f"evaluation/{place}") or {}
        return {} if found and self.current.why_old(self.named(place)) else found

    def privacy(self) -> dict[str, str]:
        """Return the verdict on each thing that one may publish; empty if none is current."""
        found = self._json("evaluation/privacy.json")
        current = found and not self.current.why_old(self.named("privacy.json"))
        return {line.subject: line.verdict for line in from_json(found)} if current else {}

    def _json(self, path: str) -> Any:
        text = self.read(path)
        try:
            return None if text is None else json.loads(text)
        except ValueError as error:
            raise RevisionError(f"{self.title}: {path}: {error}") from None

    def params(self) -> dict[str, Any]:
        """Return params.yaml; empty if there is none."""
        return parse(self.read("params.yaml") or "{}")


def merge_base(root: Path, branch: str = "main") -> str:
    """Return the merge base with `branch`; on `branch` itself, the previous commit.

    Raises:
        RevisionError: if the branch does not exist.
    """
    head, base = git(root, "rev-parse", "HEAD"), git(root, "merge-base", "HEAD", branch)
    return git(root, "rev-parse", f"{base.strip()}~1").strip() if head == base else base.strip()


def git(root: Path, *arguments: str) -> str:
    """Return the output of git.

    Raises:
        RevisionError: with git's error message.
    """
    done = _run(root, *arguments)
    if done.returncode:
        complaint = done.stderr.strip() or "unknown to git"
        raise RevisionError(f"git {' '.join(arguments)}: {complaint}")
    return done.stdout


def _run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
