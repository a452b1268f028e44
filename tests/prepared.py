"""A corpus of a user's own, invented, and the stage that prepares it."""

import csv
import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import soundfile
import yaml

from voicegraft.speech.manifest import Corpus

SCRIPT = Path(__file__).parent.parent / "stages/prepare_data.py"
PARAMS = {
    "task": "transcription",
    "corpus": {"name": "folder", "language": "x", "folder": "own", "mirror": ""},
    "prepare_data": {
        "max_reject_share": 0.5,
        "background_share": 0.0,
        "text": {
            "case": "lower",
            "punctuation": "remove",
            "apostrophes": "keep",
            "also_keep": "",
        },
        "check": {
            "min_seconds": 0.3,
            "max_seconds": 3.0,
            "min_dbfs": -60.0,
            "max_characters_per_second": 30.0,
        },
        "split": {
            "seed": 1,
            "dev_share": 0.2,
            "test_share": 0.2,
            "unseen_share": 0.2,
            "unseen_speakers": [],
            "disjoint": "text",
        },
    },
}


def load_stage():
    spec = importlib.util.spec_from_file_location("prepare_data", SCRIPT)
    stage = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stage)
    return stage


MAIN = load_stage().main


def noise(seconds=1.0, rate=16_000, channels=1, seed=0, peak=0.5):
    shape = round(seconds * rate), channels
    return np.random.default_rng(seed).uniform(-peak, peak, shape).astype(np.float32)


class Project:
    """A folder with params.yaml and a corpus of the user's own, and the stage to run on it."""

    def __init__(self, root, own="own"):
        self.root, self.own = root, root / own
        self.rows = []
        self.params = json.loads(json.dumps(PARAMS))
        self.params["corpus"]["folder"] = str(self.own)
        self.own.mkdir()

    def add(self, name, samples=None, text=None, speaker="", rate=16_000, label=""):
        number = len(self.rows)
        samples = noise(seed=number) if samples is None else samples
        soundfile.write(
            os.fsencode(self.own / name), samples, rate, format=name[-4:].strip(".").upper()
        )
        self.line(name, f"text {number}" if text is None else text, speaker, label)

    def line(self, name, text, speaker="", label=""):
        self.rows.append((name, text, speaker, label))

    def good(self, clips=20):
        for i in range(clips):
            self.add(f"good {i:02}.wav", speaker="rare" if i % 10 == 0 else "usual")
        return self

    def classes(self, *labels, clips=10):
        """Clips of each label, with no text."""
        self.params["task"] = "classification"
        for label in labels:
            for i in range(clips):
                self.add(f"{label} {i}.wav", text="", label=label)
        return self

    def write(self):
        """Write params.yaml and the table of the clips."""
        (self.root / "params.yaml").write_text(yaml.safe_dump(self.params))
        table = self.own / "metadata.csv"
        with open(table, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            csv.writer(file).writerows([("file_name", "text", "speaker", "label"), *self.rows])

    def run(self, out="out"):
        self.write()
        paths = "downloads", f"{out}/corpus", f"{out}/corpus.json"
        MAIN(*(self.root / path for path in paths))
        with open(self.root / out / "corpus/rejects.csv", newline="") as file:
            self.rejects = {row["id"]: row for row in csv.DictReader(file)}
        self.report = json.loads((self.root / out / "corpus.json").read_text())
        return Corpus(self.root / out / "corpus")
