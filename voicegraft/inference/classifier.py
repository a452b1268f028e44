"""Classify recordings of any length with a trained model: a single word, or hours of audio."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import torch

from voicegraft.inference.recordings import UntilDamage, find_recordings
from voicegraft.inference.segmentation import Hit, joined, windows
from voicegraft.model.saved import load_model
from voicegraft.model.speakers import FEWEST_CLIPS
from voicegraft.speech.audio import level_dbfs, stream_audio
from voicegraft.speech.manifest import SAMPLE_RATE

LONGEST_CLIP_SECONDS = 5.0
"""Longer recordings are scanned by a window; shorter ones are one clip."""
WINDOW_SECONDS, THRESHOLD = 1.0, 0.5
SILENCE_DBFS = -60.0
TOGETHER = 64


@dataclass(frozen=True)
class Classified:
    """The classes of a short recording, or the hits in a long one."""

    probabilities: dict[str, float]
    """Probability of each class, the most probable first; empty for a long recording."""
    hits: list[Hit]
    """Only for a long recording."""
    seconds: float
    damage: str
    """Why the recording is truncated; "" if it is complete."""


class Classifier:
    """Classify recordings with a model folder of this pipeline.

        classifier = Classifier("words/models/head")
        print(classifier("yes.ogg").probabilities)

    Args:
        folder: of the model, as train_head and finetune write it.
        device: "auto", "cpu", "cuda" …
        window_seconds: length of the window over a long recording, which moves by half of it;
            choose about the length of a training clip.
        threshold: the lowest probability of a hit.
        voice: recordings, or folders of them, of the speaker, for a model with speaker
            normalisation (head.normalise: speaker); no labels are needed.

    Raises:
        ValueError: if the model transcribes; if `voice` is given to a model without speaker
            normalisation.
    """

    def __init__(
        self,
        folder: str | Path,
        device: str = "auto",
        window_seconds: float = WINDOW_SECONDS,
        threshold: float = THRESHOLD,
        voice: Sequence[str] = (),
    ):
        self.model = load_model(Path(folder), device=device)
        if not self.model.description.pooling:
            raise ValueError(f"{folder} is a model for transcription: use `voicegraft transcribe`")
        if not 0 < window_seconds <= self.model.max_seconds:
            raise ValueError(
                f"window_seconds must be above 0 and at most {self.model.max_seconds:g}, "
                f"the model's longest clip, not {window_seconds:g}"
            )
        self._met = False
        self.window, self.threshold = round(window_seconds * SAMPLE_RATE), threshold
        if voice:
            self._meet(list(find_recordings(voice)))

    @property
    def lacks_voice(self) -> bool:
        """Whether it normalises by speaker, but has no recordings of the speaker."""
        return self.model.description.normalise is not None and not self._met

    def __call__(
        self, recording: str | Path, progress: Callable[[float], object] | None = None
    ) -> Classified:
        """Return the classes in the file; `progress` is called with the seconds just done.

        Raises:
            AudioError: if nothing in the file can be decoded.
        """
        stream = UntilDamage(stream_audio(Path(recording)))
        clip, spans = self._cut(stream)
        if clip is not None:
            (found,) = self._probabilities([clip])
            order = sorted(found, key=found.get, reverse=True)
            seconds = len(clip) / SAMPLE_RATE
            return Classified({label: found[label] for label in order}, [], seconds, stream.damage)
        hits, samples = [], 0
        while group := list(islice(spans, TOGETHER)):
            hits += self._hits(group)
            done = group[-1][0] + len(group[-1][1])
            if progress:
                progress((done - samples) / SAMPLE_RATE)
            samples = done
        return Classified({}, joined(hits), samples / SAMPLE_RATE, stream.damage)

    def _cut(
        self, stream: UntilDamage
    ) -> tuple[np.ndarray | None, Iterator[tuple[int, np.ndarray]]]:
        """Return a short recording as one clip; for a long one None and its windows."""
        blocks = iter(stream)
        start = _at_least(blocks, round(LONGEST_CLIP_SECONDS * SAMPLE_RATE) + 1)
        if len(start) <= LONGEST_CLIP_SECONDS * SAMPLE_RATE:
            return start, iter(())
        return None, windows(chain([start], blocks), self.window, max(1, self.window // 2))

    def _meet(self, recordings: Sequence[Path]) -> None:
        """Set the speaker normalisation from recordings of one speaker."""
        if self.model.head.voice is None:
            raise ValueError("--voice needs a model trained with head.normalise: speaker")
        clips: list[np.ndarray] = []
        for recording in recordings:
            clip, spans = self._cut(UntilDamage(stream_audio(recording)))
            cut = [clip] if clip is not None else [wave for _, wave in spans]
            clips += [wave for wave in cut if level_dbfs(wave) > SILENCE_DBFS]
        if len(clips) < FEWEST_CLIPS:
            raise ValueError(f"speaker normalisation needs {FEWEST_CLIPS} clips, not {len(clips)}")
        groups = [clips[i : i + TOGETHER] for i in range(0, len(clips), TOGETHER)]
        self.model.head.voice.meet(torch.cat([self.model.pooled(group) for group in groups]))
        self._met = True

    def _probabilities(self, waves: Sequence[np.ndarray]) -> list[dict[str, float]]:
        emissions = self.model.emissions(waves)
        return [
            dict(zip(self.model.labels, e[0].double().softmax(0).tolist(), strict=True))
            for e in emissions
        ]

    def _hits(self, group: Sequence[tuple[int, np.ndarray]]) -> list[Hit]:
        """Return a hit for each window that is not silent and reaches the threshold."""
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
    """Return at least so many samples, or all there are."""
    start = np.empty(0, np.float32)
    while len(start) < samples and (block := next(blocks, None)) is not None:
        start = np.concatenate([start, block])
    return start
