"""A folder with tones and Whisper's true weights, in which stages run as commands."""

import gc
import io
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from invented import write_corpus

from voicegraft.pipeline.params import PARAMS_FILE, STUDIES_FILE, read_params
from voicegraft.speech.manifest import Corpus, write_manifest

ROOT = Path(__file__).parent.parent


FILES = (PARAMS_FILE, STUDIES_FILE)
STUDIES = {name for pipeline in ("", "words") for name in read_params(ROOT / pipeline / FILES[1])}
"""The sections of studies/params.yaml, of which none is in params.yaml."""


def params_of(pipeline: str = "") -> dict:
    """Return the params of a pipeline's folder and of its studies, to be changed."""
    params = [read_params(ROOT / pipeline / file) for file in FILES]
    found = yaml.safe_load(yaml.safe_dump(params[0] | params[1]))
    for section in (found["train_head"], found["finetune"]["defaults"]):
        section["min_steps"] = 0  # a test's epochs are all that it needs
    return found


def write_params(folder: Path, params: dict) -> None:
    """Write each section to the file that it belongs to."""
    for file in FILES:
        own = {k: v for k, v in params.items() if (k in STUDIES) == (file == STUDIES_FILE)}
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(yaml.safe_dump(own), encoding="utf-8")


def fill(folder: Path, whisper_folder: Path, params: dict, clips: int = 24) -> Corpus:
    """Write what every stage reads; return the corpus."""
    write_params(folder, params)
    (folder / "upstream").symlink_to(whisper_folder)
    return write_corpus(folder / "corpus", clips)


def new_classes(folder: Path, whisper_folder: Path, **head: object) -> Path:
    """Clips of tones, whose label is the pitch that they begin with."""
    params = params_of("words")
    params["extract_embeddings"]["layers"] = [3]
    params["head"] |= {"layer": 3} | head
    params["train_head"] |= {"epochs": 20, "batch_seconds": 2.0}
    params["finetune"]["full"] |= {"epochs": 1, "batch_seconds": 4.0}
    corpus = fill(folder, whisper_folder, params, clips=60)
    labelled = [replace(clip, label=f"pitch {clip.text[0]}") for clip in corpus.utterances]
    write_manifest(folder / "corpus/manifest.csv", labelled)
    return folder


def script(name: str) -> Path:
    """Return the script of a stage, or of a study."""
    (found,) = (p for d in ("stages", "studies") if (p := ROOT / d / f"{name}.py").is_file())
    return found


def command(name: str, arguments: str) -> list[str]:
    return [sys.executable, str(script(name)), *arguments.split()]


@contextmanager
def alone() -> Iterator[None]:
    """Let joblib take the machine's cores for one, and so run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOKY_MAX_CPU_COUNT", "1")
        yield


def run(name: str, arguments: str, folder: Path) -> subprocess.CompletedProcess:
    """Run a stage in `folder`, without looking at how it ended.

    In this process, for to import torch takes longer than most stages on a few tones; and without
    the workers of joblib, that would import it too and stay in the folder of the run before.
    """
    kept, (_, *sys.argv) = sys.argv, command(name, arguments)
    out, err, status = io.StringIO(), io.StringIO(), 0
    try:
        with chdir(folder), redirect_stdout(out), redirect_stderr(err), alone():
            runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        refused = isinstance(end.code, str)
        status = 1 if refused else end.code or 0
        err.write(f"{end.code}\n" if refused else "")
    finally:
        sys.argv = kept
        gc.unfreeze()  # `run_stage` freezes what a process that ends need not look through
    return subprocess.CompletedProcess([name], status, out.getvalue(), err.getvalue())


def run_in_another(stages: list[tuple[str, str]], folder: Path) -> None:
    """Run stages in `folder` one after another, in one process other than this."""
    tests = str(Path(__file__).parent)
    code = f"import sys; sys.path.insert(0, {tests!r}); from stage_runs import run\n"
    code += "".join(f"assert run({n!r}, {a!r}, '.').returncode == 0\n" for n, a in stages)
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
