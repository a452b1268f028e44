"""A small repository whose models are evaluated at a commit, and then otherwise."""

import subprocess
from pathlib import Path


def git(folder: Path, *arguments: str) -> None:
    own = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *own, "-C", folder, *arguments], check=True, capture_output=True)


def begin(folder: Path) -> None:
    git(folder, "init", "--quiet", "--initial-branch=main")


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "x", "--allow-empty")
