"""Recordings of a voice, cut into clips, and the states of clips, held in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from tqdm import tqdm

from voicegraft.embedding.extraction import encode
from voicegraft.embedding.takes import takes
from voicegraft.inference.recordings import UntilDamage
from voicegraft.inference.segmentation import cut_at_pauses
from voicegraft.model.grafted import GraftedModel
from voicegraft.speech.audio import stream_audio
from voicegraft.speech.manifest import SAMPLE_RATE, UNLABELLED, Utterance

SPEEDS = (0.9, 1.1)
"""Of further takes of what is learnt from, as the pipeline stores them by default."""
PIECE_SECONDS = 15.0
BATCH_SECONDS = 50.0


class Audible(Protocol):
    """What has the samples of clips: a corpus, or a voice."""

    def wave(self, utterance: Utterance) -> np.ndarray:
        """Return float32 samples in [-1, 1], shape (samples,)."""
        ...


@dataclass
class Voice:
    """Recordings, cut at their pauses.

    Attributes:
        clips: without texts.
        waves: float32 (samples,), by the clip's id.
        damaged: why recordings are truncated, a line for each.
    """

    clips: list[Utterance] = field(default_factory=list)
    waves: dict[str, np.ndarray] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)

    def wave(self, utterance: Utterance) -> np.ndarray:
        """See `Audible`."""
        return self.waves[utterance.id]

    def add(self, recording: Path, longest_seconds: float) -> None:
        """Cut a recording as `transcribe` does, at most at `longest_seconds`.

        Raises:
            AudioError: if nothing in it can be decoded.
        """
        stream = UntilDamage(stream_audio(recording))
        limit = min(longest_seconds, PIECE_SECONDS)
        for piece in cut_at_pauses(stream, limit, SAMPLE_RATE):
            name = f"piece {len(self.clips)}"
            self.clips.append(Utterance(name, UNLABELLED, "", "", 0, len(piece.wave), ""))
            self.waves[name] = piece.wave
        if stream.damage:
            self.damaged.append(stream.damage)


class HeldStates:
    """The states of one layer, which `StoredStates` reads as if from a store.

    Attributes:
        facts: the speeds of further takes.
        frames: number of frames of each take, by id.
    """

    def __init__(self, layer: int):
        self.layer, self.facts = layer, {"speeds": list(SPEEDS)}
        self.frames: dict[str, int] = {}
        self._states: dict[str, np.ndarray] = {}

    def states(self, take: str, layer: int) -> np.ndarray:  # noqa: ARG002 - there is only one
        """Return float16 states (frames, size) of a take."""
        return self._states[take]

    def add(self, model: GraftedModel, of: Audible, clips: Sequence[Utterance], what: str) -> None:
        """Compute the states of clips, and of further takes of those that are learnt from.

        Args:
            model: whose upstream does it.
            of: has their samples.
            clips: of train or without text, or of sides that are only scored.
            what: the title of the progress bar.
        """
        upstream, margin = model.upstream, model.description.margin_seconds
        chosen = takes(clips, SPEEDS, upstream.max_samples)
        total = round(sum(take.seconds for take in chosen))
        how = [self.layer], margin, "float32", BATCH_SECONDS
        with tqdm(total=total, desc=what, unit="s of audio", leave=False, disable=None) as bar:
            for batch in encode(upstream, of, *how, chosen):
                for take, states in batch.items():
                    self._states[take.id] = states[self.layer]
                    self.frames[take.id] = len(states[self.layer])
                bar.update(round(sum(take.seconds for take in batch)))
