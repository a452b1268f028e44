"""What a model writes of clips, how sure it is of it, and in which order somebody should listen.

Its certainty is the likelihood of its text per letter (Kahn et al. 2020,
https://arxiv.org/abs/1909.09116), which every model has, with a language model or without. Clips
are transcribed in the background; a second start takes what the first has left in a file.
"""

import hashlib
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import numpy as np

from voicegraft.evaluation.errors import count_errors
from voicegraft.inference.segmentation import cut_at_pauses
from voicegraft.listening.clips import TableClip
from voicegraft.listening.sound import blocks, samples_of
from voicegraft.pipeline.command import MISTAKES
from voicegraft.pipeline.files import hashes
from voicegraft.speech.audio import level_dbfs
from voicegraft.speech.manifest import SAMPLE_RATE

if TYPE_CHECKING:
    from voicegraft.inference.transcriber import Transcriber

    Load = Callable[[], Transcriber]

ORDERS = WORST, UNCERTAIN, GIVEN = ("worst", "uncertain", "given")


@dataclass(frozen=True)
class Writing:
    """The text of a model."""

    text: str
    certainty: float  # 0 to 1


def write(transcriber: "Transcriber", samples: np.ndarray) -> Writing:
    """Return what a model writes of int16 samples, shape (samples,)."""
    from voicegraft.inference.transcriber import SILENCE_DBFS  # torch: it takes seconds to import
    from voicegraft.model import ctc

    model, words, letters, likelihood = transcriber.model, [], 0, 0.0
    for piece in cut_at_pauses(blocks(samples), transcriber.piece_seconds, SAMPLE_RATE):
        if level_dbfs(piece.wave) < SILENCE_DBFS:
            continue
        ((emission, states),) = model.emissions_and_states([piece.wave])
        found = [word.text for word in transcriber.decoder.words(emission, states)]
        target = ctc.target(" ".join(found), model.labels)
        words += found
        if len(target):
            likelihood += ctc.log_likelihoods(emission, [target]).item()
            letters += len(target)
    return Writing(" ".join(words), math.exp(likelihood / letters) if letters else 0.0)


class Writings:
    """What a model wrote, by the key of a clip; the rest is written in a thread.

    Args:
        kept: a file for a model and a folder, to which lines are added; None keeps nothing.
    """

    def __init__(self, kept: Path | None = None):
        self.found: dict[str, Writing] = {}
        self.kept, self.left, self.trouble = kept, 0, ""
        self._stop, self._thread = Event(), None

    def start(self, clips: Sequence[TableClip], folder: Path, load: "Load"):
        """Begin to transcribe what is not kept; `load` takes seconds, so the thread does it."""
        held = self._recalled()
        marks = {clip.key: _mark(clip) for clip in clips}
        self.found |= {key: held[mark] for key, mark in marks.items() if mark in held}
        waiting = [clip for clip in clips if clip.key not in self.found and not clip.written]
        self.left = len(waiting)
        if waiting:
            self._thread = Thread(target=self._run, args=(waiting, folder, load), daemon=True)
            self._thread.start()

    def stop(self, seconds: float) -> bool:
        """Ask the thread to end, and return whether it has."""
        self._stop.set()
        if self._thread:
            self._thread.join(seconds)
        return not (self._thread and self._thread.is_alive())

    def _run(self, clips: Sequence[TableClip], folder: Path, load: "Load") -> None:
        try:
            transcriber = load()
            for clip in clips:
                if self._stop.is_set():
                    return
                self._write(transcriber, clip, folder)
                self.left -= 1
        except MISTAKES as error:
            self.trouble = str(error)
            print(f"voicegraft: {error}", file=sys.stderr)

    def _write(self, transcriber: "Transcriber", clip: TableClip, folder: Path) -> None:
        try:
            writing = write(transcriber, samples_of(clip, folder))
        except MISTAKES:  # the page says so once the clip is played
            return
        self.found[clip.key] = writing
        if self.kept:
            self.kept.parent.mkdir(parents=True, exist_ok=True)
            with open(self.kept, "a", encoding="utf-8") as file:
                file.write(json.dumps({"clip": _mark(clip), **asdict(writing)}) + "\n")

    def _recalled(self) -> dict[str, Writing]:
        held = {}
        if self.kept and self.kept.is_file():
            for line in self.kept.read_text(encoding="utf-8").splitlines():
                try:
                    row = json.loads(line)
                    held[row["clip"]] = Writing(str(row["text"]), float(row["certainty"]))
                except (ValueError, KeyError, TypeError):  # cut by a kill
                    continue
        return held


def kept_in(cache: Path, model: Path) -> Path:
    """Return the file for what a model wrote; a model that changed has another."""
    files = json.dumps(hashes(model), sort_keys=True)
    return cache / f"{hashlib.sha256(files.encode()).hexdigest()[:16]}.jsonl"


def in_order(
    clips: Sequence[TableClip],
    writings: Mapping[str, Writing],
    order: str,
    normalised: Callable[[str], str],
) -> list[TableClip]:
    """Return the clips, those first that are to be listened to first.

    Args:
        clips: in the order of the tables.
        writings: what a model wrote; clips without come last.
        order: one of ORDERS. `worst`: the highest share of wrong letters; `uncertain`: the lowest
            certainty.
        normalised: returns a text as the model should write it.
    """
    if order == GIVEN:
        return list(clips)

    def rank(clip: TableClip) -> tuple[int, float]:
        writing = writings.get(clip.key)
        if writing is None:
            return 2, 0.0
        text = normalised(clip.text)
        if order == UNCERTAIN or not text:
            return (0 if order == UNCERTAIN else 1), writing.certainty
        errors = count_errors(text, normalised(writing.text))
        return 0, -errors.character_edits / errors.characters

    return sorted(clips, key=rank)


def _mark(clip: TableClip) -> str:
    """Return what tells the sound of a clip from any other's."""
    try:
        state = clip.path.stat()
        own = [str(clip.path.resolve()), state.st_size, state.st_mtime_ns, clip.start, clip.end]
    except (OSError, ValueError):
        own = [str(clip.path), clip.start, clip.end]
    return hashlib.sha256(json.dumps(own).encode()).hexdigest()[:20]
