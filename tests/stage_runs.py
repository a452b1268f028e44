"""A folder with tones and Whisper's true weights, in which stages run as commands."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import yaml
from invented import write_corpus
from voicegraft.embedding.choice import LayerChoice, write_choice

from voicegraft.pipeline.params import read_params
from voicegraft.speech.manifest import Corpus, write_manifest

ROOT = Path(__file__).parent.parent


def params_of(pipeline: str = "") -> dict:
    """Return the params of a pipeline's folder, to be changed."""
    return yaml.safe_load(yaml.safe_dump(read_params(ROOT / pipeline / "params.yaml")))


def write_params(folder: Path, params: dict) -> None:
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")


def fill(
    folder: Path, whisper_folder: Path, params: dict, layers: LayerChoice, clips: int = 24
) -> Corpus:
    """Write what every stage reads; return the corpus."""
    write_params(folder, params)
    write_choice(folder / "layers.json", layers)
    (folder / "upstream").symlink_to(whisper_folder)
    return write_corpus(folder / "corpus", clips)


def new_classes(folder: Path, whisper_folder: Path, **head: object) -> Path:
    """Clips of tones, whose label is the pitch that they begin with."""
    params = params_of("words")
    params["head"] |= {"layer": 3} | head
    params["train_head"] |= {"epochs": 20, "batch_seconds": 2.0}
    params["finetune"]["full"] |= {"epochs": 1, "batch_seconds": 4.0}
    layers = LayerChoice(head=3, stored=[3])
    corpus = fill(folder, whisper_folder, params, layers, clips=60)
    labelled = [replace(clip, label=f"pitch {clip.text[0]}") for clip in corpus.utterances]
    write_manifest(folder / "corpus/manifest.csv", labelled)
    return folder


def command(script: str, arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "stages" / f"{script}.py"), *arguments.split()]


def run(script: str, arguments: str, folder: Path) -> subprocess.CompletedProcess:
    """Run a stage in `folder`, without looking at how it ended."""
    return subprocess.run(command(script, arguments), cwd=folder, capture_output=True, text=True)
