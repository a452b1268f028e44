"""A copy of the project in a folder of its own, and DVC in it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from fetched import DOWNLOADS

ROOT = Path(__file__).parent.parent


def dvc(folder: Path, *arguments: str, **variables: str) -> str:
    """Run dvc in `folder`, with the stages and the package that are there; return what it says."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder if (folder / "voicegraft").is_dir() else folder.parent),
        "OMP_WAIT_POLICY": "PASSIVE",
        **variables,
    }
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def ran(output: str) -> list[str]:
    """Return the stages whose command was run, in order."""
    return re.findall(r"Running stage '([^']+)'", output)


def output_on_a_recording(project: Path, folder: Path, verb: str, recording: str) -> str:
    """Return what a command of voicegraft's prints in `folder`, where the head lies alone."""
    shutil.copytree(project / "models/head", folder / "model")
    audio_file = str(project / "data/own" / recording)
    command = [sys.executable, "-m", "voicegraft.cli", verb, "model", audio_file]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def copy_code(folder: Path, pipeline: str = "") -> None:
    """Copy the code, the pipeline of a folder and its studies, and link what was downloaded."""
    code = shutil.ignore_patterns("__pycache__", "*.yaml")
    for name in ("stages", "studies", "voicegraft"):
        shutil.copytree(ROOT / name, folder / name, ignore=code)
    for name in ("data/own", "data/text"):
        if (ROOT / pipeline / name).is_dir():
            shutil.copytree(ROOT / pipeline / name, folder / pipeline / name)
    (folder / pipeline / "studies").mkdir(exist_ok=True)
    for name in ("dvc.yaml", "studies/dvc.yaml", "studies/params.yaml"):
        shutil.copyfile(ROOT / pipeline / name, folder / pipeline / name)
    (folder / ".voicegraft").mkdir()
    (folder / ".voicegraft" / "downloads").symlink_to(DOWNLOADS)


def begin_dvc(folder: Path, settings: str = "no_scm = true") -> None:
    """Write what `dvc init` writes, without the second that its process takes.

    And as in the project itself, without a process that asks a server whether there is a newer DVC.
    """
    (folder / ".dvc/tmp").mkdir(parents=True)
    core = "[core]\nanalytics = false\ncheck_update = false\n"
    (folder / ".dvc/config").write_text(f"{core}{settings}\n", encoding="utf-8")
    (folder / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n", encoding="utf-8")
    (folder / ".dvcignore").touch()


def begin(folder: Path, pipeline: str = "") -> None:
    """Make it a project of git's and DVC's, with the params that are there."""
    git(folder, "init", "-q")
    begin_dvc(folder)
    for name in (".dvc/config", ".dvcignore"):
        shutil.copyfile(ROOT / name, folder / name)
    git(folder, "add", f"{pipeline}dvc.yaml", f"{pipeline}params.yaml")
    # dvclive records the revision that a run began from, so there has to be one.
    git(folder, "-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "-qm", "begin")
