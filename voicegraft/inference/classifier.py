"""A trained classifier that takes any recording: a word, or hours to look through for words."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from voicegraft.grafted import load_model
from voicegraft.inference.damage import UntilDamage
from voicegraft.inference.spotting import Hit, joined, windows
from voicegraft.speech.audio import level_dbfs, stream_audio
from voicegraft.speech.manifest import SAMPLE_RATE

LONGEST_CLIP_SECONDS = 5.0
"""What lasts longer is looked through by a window; the rest is one clip."""
WINDOW_SECONDS, THRESHOLD = 1.0, 0.5
SILENCE_DBFS = -60.0
TOGETHER = 64


@dataclass(frozen=True)
class Classified:
    """What a recording is; or, of a long one, where what is in it."""

    probabilities: dict[str, float]
    """Of each class, the likeliest first; empty for a long recording."""
    hits: list[Hit]
    """Of a long recording alone."""
    seconds: float
    damage: str
    """Why the recording breaks off where it does; "" where it is whole."""


class Classifier:
    """Tell the class of recordings with a model folder that this pipeline wrote.

        listener = Classifier("words/models/head")
        print(listener("yes.ogg").probabilities)

    Args:
        folder: holds the model, as train_classifier and finetune write it.
        device: "auto", "cpu", "cuda" …
        window_seconds: of a long recording, what is heard at once, moving on by half of that; take
            about the length of a clip of train.
        threshold: the least probability of a hit.

    Raises:
        ValueError: if the model transcribes.
    """

    def __init__(
        self,
        folder: str | Path,
        device: str = "auto",
        window_seconds: float = WINDOW_SECONDS,
        threshold: float = THRESHOLD,
    ):
        self.model = load_model(Path(folder), device=device)
        if not self.model.description.pooling:
            raise ValueError(f"{folder} writes down what is said: `voicegraft transcribe` runs it")
        if not 0 < window_seconds <= self.model.max_seconds:
            raise ValueError(
                f"window_seconds must be above 0 and at most {self.model.max_seconds:g}, "
                f"which the model takes at once, not {window_seconds:g}"
            )
        self.window, self.threshold = round(window_seconds * SAMPLE_RATE), threshold

    def __call__(
        self, recording: str | Path, progress: Callable[[float], object] | None = None
    ) -> Classified:
        """Return what is in the file; `progress` is called with the seconds just done.

        Raises:
            AudioError: the file holds nothing that can be decoded.
        """
        stream = UntilDamage(stream_audio(Path(recording)))
        blocks = iter(stream)
        start = _at_least(blocks, round(LONGEST_CLIP_SECONDS * SAMPLE_RATE) + 1)
        if len(start) <= LONGEST_CLIP_SECONDS * SAMPLE_RATE:
            (found,) = self._probabilities([start])
            order = sorted(found, key=found.get, reverse=True)
            seconds = len(start) / SAMPLE_RATE
            return Classified({label: found[label] for label in order}, [], seconds, stream.damage)
        hits, samples = [], 0
        spans = windows(_then(start, blocks), self.window, max(1, self.window // 2))
        while group := list(islice(spans, TOGETHER)):
            hits += self._heard(group)
            done = group[-1][0] + len(group[-1][1])
            if progress:
                progress((done - samples) / SAMPLE_RATE)
            samples = done
        return Classified({}, joined(hits), samples / SAMPLE_RATE, stream.damage)

    def _probabilities(self, waves: Sequence[np.ndarray]) -> list[dict[str, float]]:
        emissions = self.model.emissions(waves)
        return [
            dict(zip(self.model.labels, e[0].double().softmax(0).tolist(), strict=True))
            for e in emissions
        ]

    def _heard(self, group: Sequence[tuple[int, np.ndarray]]) -> list[Hit]:
        """Return a hit for each window that is no silence and sure enough."""
        loud = [(first, wave) for first, wave in group if level_dbfs(wave) > SILENCE_DBFS]
        if not loud:
            return []
        hits = []
        for (first, wave), found in zip(
            loud, self._probabilities([w for _, w in loud]), strict=True
        ):
            label = max(found, key=found.get)
            if found[label] >= self.threshold:
                times = first / SAMPLE_RATE, (first + len(wave)) / SAMPLE_RATE
                hits.append(Hit(*times, label, found[label]))
        return hits


def _at_least(blocks: Iterator[np.ndarray], samples: int) -> np.ndarray:
    """Return so many samples, or all there are."""
    start = np.empty(0, np.float32)
    while len(start) < samples and (block := next(blocks, None)) is not None:
        start = np.concatenate([start, block])
    return start


def _then(start: np.ndarray, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield start
    yield from blocks
