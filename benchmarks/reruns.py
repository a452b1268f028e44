"""What a second `dvc repro` costs: after clips were added, a knob was turned, nothing was changed.

    python -m benchmarks.reruns models/upstream data/corpus

Reads   UPSTREAM and CORPUS, as the stages leave them: every clip, written to files as a corpus of
        somebody's own. A clone of the last commit in WORK is what runs; WORK is deleted first
Writes  benchmarks/results.json, its part `reruns`
Knobs   extract_embeddings; the head is trained for one epoch, as the stage before it is what counts
"""

import csv
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import soundfile
from dvc.utils.serialize import modify_yaml

from benchmarks.results import keep
from voicegraft.pipeline.command import run_stage
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance


class Workspace:
    """A clone of this project with a corpus of its own, in which `dvc repro` runs."""

    def __init__(self, folder: Path, upstream: Path, corpus: Corpus):
        self.folder, self.corpus = folder.absolute(), corpus
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run(["git", "clone", "--quiet", ".", str(self.folder)], check=True)
        (self.folder / "dvc.lock").unlink()
        with modify_yaml(self.folder / "params.yaml") as params:
            params["corpus"]["name"] = "folder"
            params["upstream"]["source"] = str(upstream.absolute())
            params["train_head"] |= {"epochs": 1, "min_steps": 0}
            params["finetune"]["recipes"] = []

    def speak(self, utterances: Sequence[Utterance]) -> None:
        """Let the corpus hold exactly these clips."""
        own = self.folder / "data" / "own"
        for utterance in utterances:
            path = own / f"{utterance.id}.wav"
            if not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, self.corpus.samples(utterance), SAMPLE_RATE)
        with open(own / "metadata.csv", "w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["file_name", "text", "speaker", "session", "split"])
            for u in utterances:
                table.writerow([f"{u.id}.wav", u.text, u.speaker, u.session, u.split])

    def turn(self, section: str, knob: str, value: object) -> None:
        """Turn a knob of params.yaml."""
        with modify_yaml(self.folder / "params.yaml") as params:
            params[section][knob] = value

    def repro(self, *stages: str) -> float:
        """Run `dvc repro` and return the seconds it took, the start of Python among them."""
        own_code = os.environ | {"PYTHONPATH": str(self.folder)}
        began = time.perf_counter()
        subprocess.run(
            ["dvc", "repro", "--quiet", *stages],
            cwd=self.folder,
            env=own_code,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return time.perf_counter() - began


def main(
    upstream: Path, corpus: Path, rounds: int = 5, work: Path = Path(".voicegraft/bench/reruns")
) -> None:
    speech = Corpus(corpus)
    clips = speech.utterances
    space = Workspace(work, upstream, speech)
    held_back = [clips[number::100] for number in range(rounds)]
    present = [u for u in clips if not any(u in later for later in held_back)]
    space.speak(present)
    space.repro("prepare_data", "fetch_model")
    seconds = {"full extraction": [space.repro("extract_embeddings")], "1 % added": []}
    for more in held_back:
        present += more
        space.speak(present)
        space.repro("prepare_data")
        seconds["1 % added"].append(space.repro("extract_embeddings"))
    space.repro()
    seconds["nothing changed"] = [space.repro() for _ in range(rounds)]
    space.turn("train_head", "weight_decay", 0.02)
    seconds["head parameter changed, one epoch"] = [space.repro("train_head")]
    full = seconds["full extraction"][0]
    keep(
        "reruns",
        {
            "clips": len(clips),
            "clips_added": len(held_back[0]),
            "seconds": seconds,
            "share_of_full_extraction": {
                name: statistics.median(took) / full for name, took in seconds.items()
            },
        },
    )
    shutil.rmtree(space.folder)


if __name__ == "__main__":
    run_stage(main)
