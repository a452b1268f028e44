"""The manifest: one line for each utterance, with the place of its samples.

`data/corpus/manifest.csv` names the utterances in order, `data/corpus/audio.npy` holds their
samples end to end (int16, 16 kHz, mono), so a corpus is two files however many clips it has.
"""

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from voicegraft.pipeline import tables
from voicegraft.pipeline.files import DamagedError, reading, whole
from voicegraft.pipeline.packed import read_packed, read_rows

SAMPLE_RATE = 16_000
SPLITS = ("train", "dev", "test", "unseen")
"""`unseen`: test clips of speakers that are not in train."""
UNLABELLED = "unlabelled"
"""The split of clips without text and label, which only self-training uses."""
BACKGROUND = "background"
"""The split of clips in which nobody speaks: training for texts hears them beside train."""
TEXTLESS = (UNLABELLED, BACKGROUND)


@dataclass(frozen=True)
class Utterance:
    """A clip that passed every check."""

    id: str
    split: str  # one of SPLITS, or TEXTLESS
    speaker: str  # "" if unknown
    session: str  # recording session; "" if unknown
    first_sample: int
    samples: int
    text: str  # normalised
    label: str = ""  # its class, for classification

    @property
    def seconds(self) -> float:
        """Length of the clip in seconds."""
        return self.samples / SAMPLE_RATE


def write_manifest(path: Path, utterances: Iterable[Utterance]) -> None:
    """Write `utterances` in the order given; the column `label` only if there are labels."""
    rows = list(map(asdict, utterances))
    used = [f.name for f in fields(Utterance) if f.name != "label" or any(r["label"] for r in rows)]
    with whole(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, used, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def read_manifest(path: Path) -> list[Utterance]:
    """Return the utterances in the order of the file.

    Raises:
        DamagedError: if it is not as it was written, or names sides that there are not.
    """
    rows = tables.read_rows(path)
    with reading(path):
        numbers = ("first_sample", "samples")
        found = [Utterance(**row | {name: int(row[name]) for name in numbers}) for row in rows]
        if unknown := {u.split for u in found} - {*SPLITS, *TEXTLESS}:
            raise ValueError(f"there are no sides {', '.join(sorted(unknown))}")
        return found


class Corpus:
    """A prepared corpus: its `utterances` and their samples.

    Args:
        folder: holds manifest.csv and audio.npy, as prepare_data writes them.

    Raises:
        DamagedError: if one of them is not as it was written, or they do not fit together.
    """

    def __init__(self, folder: Path):
        self.utterances = read_manifest(folder / "manifest.csv")
        self._audio = read_packed(folder / "audio.npy")
        for utterance in self.utterances:
            last = utterance.first_sample + utterance.samples
            if not 0 <= utterance.first_sample <= last <= len(self._audio):
                raise DamagedError(
                    f"{folder}: {utterance.id} is at samples {utterance.first_sample} to {last} by "
                    f"manifest.csv, and audio.npy has {len(self._audio)}"
                )

    def of(self, *splits: str) -> list[Utterance]:
        """Return the utterances of `splits`, in manifest order."""
        return [u for u in self.utterances if u.split in splits]

    def samples(self, utterance: Utterance) -> np.ndarray:
        """Return int16 samples, shape (samples,)."""
        return read_rows(self._audio, utterance.first_sample, utterance.samples)

    def wave(self, utterance: Utterance) -> np.ndarray:
        """Return float32 samples in [-1, 1], shape (samples,)."""
        return self.samples(utterance).astype(np.float32) / 32_768
