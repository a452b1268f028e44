"""Find the sentences of a whole text in a long recording, by a trained model: `voicegraft align`.

The model runs over the recording piece by piece, and only emissions are kept: 17 MB an hour for 48
labels.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voicegraft.inference.alignment import Aligned, align
from voicegraft.inference.recordings import UntilDamage
from voicegraft.inference.segmentation import cut_at_pauses
from voicegraft.inference.transcriber import PIECE_SECONDS, SILENCE_DBFS, seconds_of_emissions
from voicegraft.model import ctc
from voicegraft.model.grafted import GraftedModel
from voicegraft.preparing.text import TextSection, normalise
from voicegraft.speech.audio import AudioError, level_dbfs, stream_audio
from voicegraft.speech.manifest import SAMPLE_RATE

STOPS = ".!?…。！？।\N{ARABIC QUESTION MARK}\N{ARABIC FULL STOP}\N{ETHIOPIC FULL STOP}"
SENTENCE = re.compile(rf"(?<=[{STOPS}])[\"'»«”“’‘)\]]*\s+|\n\s*\n")
IMPOSSIBLE = -30.0
"""The log-probability of letters in a piece without sound."""
AFTER_SECONDS, BEFORE_SECONDS = 0.6, 0.2
"""A head emits a letter when it begins: the last one goes on, and the room after it."""
SHARE_AFTER = 0.75
"""Of a shorter pause, what belongs to the sentence before it."""


@dataclass(frozen=True)
class Sentence:
    """A sentence of the text; `problem` says why it is left out, "" if it is kept."""

    text: str
    start: float
    end: float
    cer: float
    problem: str


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text: up to a full stop or its like, or an empty line."""
    marked = re.sub(SENTENCE, lambda found: found[0].rstrip() + "\0", text)
    return [line for part in marked.split("\0") if (line := " ".join(part.split()))]


@dataclass(frozen=True)
class Emissions:
    """What a model emits for a recording.

    Attributes:
        emission: log-probabilities, float32 (frames, labels).
        seconds: when each frame is, (frames,).
        length: of the recording, in seconds.
        damage: why it is truncated, or "".
    """

    emission: np.ndarray
    seconds: np.ndarray
    length: float
    damage: str


def emit(model: GraftedModel, recording: Path, progress: Callable[[float], object]) -> Emissions:
    """Return what the model emits; `progress` is called with the seconds just done.

    Raises:
        AudioError: if nothing in the file can be decoded.
    """
    stream = UntilDamage(stream_audio(recording))
    limit = min(PIECE_SECONDS, model.max_seconds)
    emissions, times, end = [], [], 0
    for piece in cut_at_pauses(stream, limit, SAMPLE_RATE):
        emission, step = _emission(model, piece.wave)
        emissions.append(emission)
        times.append(piece.first_sample / SAMPLE_RATE + (np.arange(len(emission)) + 0.5) * step)
        end = piece.first_sample + len(piece.wave)
        progress(len(piece.wave) / SAMPLE_RATE)
    if not emissions:
        raise AudioError(recording, "empty", "its length is zero")
    found = np.concatenate(emissions), np.concatenate(times)
    return Emissions(*found, end / SAMPLE_RATE, stream.damage)


def _emission(model: GraftedModel, wave: np.ndarray) -> tuple[np.ndarray, float]:
    """Return emissions of a piece, without the silence behind it, and the seconds of a frame."""
    emission = model.emissions([wave])[0].numpy()
    step = seconds_of_emissions(model, len(wave)) / len(emission)
    emission = emission[: max(1, round(len(wave) / SAMPLE_RATE / step))]
    if level_dbfs(wave) < SILENCE_DBFS:  # heads that were never taught silence write words of it
        emission = np.full_like(emission, IMPOSSIBLE)
        emission[:, ctc.BLANK] = 0.0
    return emission, step


def placed(
    emissions: Emissions,
    text: str,
    labels: Sequence[str],
    section: TextSection,
    most_errors: float,
) -> list[Sentence]:
    """Return the sentences of a text with their times in a recording, in the order of the text.

    Args:
        emissions: of the recording.
        text: of the recording, whole.
        labels: of the model.
        section: how texts are normalised.
        most_errors: the highest share of letters that the model may predict otherwise (0 to 1).

    Raises:
        ValueError: if so little of the text is recognised that its place cannot be found.
    """
    sentences = sentences_of(text)
    symbols = [ctc.target(normalise(s, section), labels).numpy() for s in sentences]
    space = labels.index(" ") if " " in labels else ctc.BLANK
    spoken = np.flatnonzero(~np.isin(emissions.emission.argmax(1), (ctc.BLANK, space)))
    return [
        _sentence(sentence, own, found, emissions, spoken, most_errors)
        for sentence, own, found in zip(
            sentences, symbols, align(emissions.emission, symbols, space), strict=True
        )
    ]


def _sentence(
    text: str,
    symbols: np.ndarray,
    found: Aligned | None,
    emissions: Emissions,
    spoken: np.ndarray,
    most_errors: float,
) -> Sentence:
    if found is None:
        why = "not spoken" if len(symbols) else "no letter that the model knows"
        return Sentence(text, 0.0, 0.0, 1.0, why)
    problem = "too many errors" if found.cer > most_errors else ""
    return Sentence(text, *_bounds(found, emissions, spoken), found.cer, problem)


def _bounds(found: Aligned, emissions: Emissions, spoken: np.ndarray) -> tuple[float, float]:
    """Return the start and end of a sentence, in the pauses around it.

    Args:
        found: its frames.
        emissions: of the recording.
        spoken: the frames in which the model predicts letters, of any sentence.
    """
    first, last = emissions.seconds[[found.first, found.last]]
    before = spoken[np.searchsorted(spoken, found.first) - 1 :][:1]
    after = spoken[np.searchsorted(spoken, found.last, "right") :][:1]
    earlier = emissions.seconds[before[0]] if len(before) and before[0] < found.first else 0.0
    later = emissions.seconds[after[0]] if len(after) else emissions.length
    start = first - min(BEFORE_SECONDS, (1 - SHARE_AFTER) * (first - earlier))
    return float(start), float(last + min(AFTER_SECONDS, SHARE_AFTER * (later - last)))
