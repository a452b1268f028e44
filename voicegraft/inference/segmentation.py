"""Cut a recording of any length: at its pauses, or into overlapping windows.

The pieces are contiguous and cover every sample, so no speech is lost between them. A cut is in a
pause, or at the quietest moment if there is no pause.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

FRAME_SECONDS = 0.01
PAUSE_SECONDS = 0.2
"""The level is measured over this span: longer than the closure of a stop consonant (0.1 s)."""

SPAN_FRAMES = round(PAUSE_SECONDS / FRAME_SECONDS)

PAUSE_BELOW_SPEECH_DB = 30.0
SHORTEST_SECONDS = 1.0
FLOOR = 1e-5  # amplitude; digital silence has no decibels


@dataclass(frozen=True)
class Piece:
    """A part of a recording: samples, shape (samples,), and the index of the first."""

    first_sample: int
    wave: np.ndarray


def cut_at_pauses(
    blocks: Iterable[np.ndarray], limit_seconds: float, sample_rate: int
) -> Iterator[Piece]:
    """Yield the recording given by `blocks` in pieces of at most `limit_seconds`.

    It holds one block and one piece at a time, so memory does not grow with the recording.
    """
    limit = int(limit_seconds * sample_rate)
    first, waiting = 0, np.zeros(0, np.float32)
    for block in blocks:
        waiting = np.concatenate([waiting, block])
        while len(waiting) > limit:
            cut = find_cut(waiting[:limit], sample_rate)
            yield Piece(first, waiting[:cut])
            first, waiting = first + cut, waiting[cut:]
    if len(waiting):
        yield Piece(first, waiting)


def find_cut(wave: np.ndarray, sample_rate: int) -> int:
    """Return the sample at which to cut: in the last pause, or at the quietest moment.

    A pause is `PAUSE_BELOW_SPEECH_DB` below the loud parts of `wave`. Without one, the cut is at
    the quietest moment of the second half, so that a noisy recording is not cut into small pieces.
    """
    frame = round(FRAME_SECONDS * sample_rate)
    # At the edges the level is measured on too few frames: a consonant could pass for a pause.
    level = smoothed_level_db(wave, frame)[: -SPAN_FRAMES // 2]
    in_pause = level < np.percentile(level, 95) - PAUSE_BELOW_SPEECH_DB
    in_pause[: min(round(SHORTEST_SECONDS / FRAME_SECONDS), len(level) // 2)] = False
    if in_pause.any():
        return _middle_of_last_run(in_pause) * frame
    half = len(level) // 2
    return (half + int(np.argmin(level[half:]))) * frame


def smoothed_level_db(wave: np.ndarray, frame: int) -> np.ndarray:
    """Return the level around the start of each frame, over `PAUSE_SECONDS`, shape (frames,)."""
    squares = np.square(wave[: len(wave) // frame * frame], dtype=np.float64).reshape(-1, frame)
    power = uniform_filter1d(squares.mean(axis=1), SPAN_FRAMES, mode="nearest")
    return 10 * np.log10(np.maximum(power, FLOOR**2))


def _middle_of_last_run(mask: np.ndarray) -> int:
    last = len(mask) - 1 - int(np.argmax(mask[::-1]))
    before = np.flatnonzero(~mask[:last])
    start = int(before[-1]) + 1 if len(before) else 0
    return (start + last + 1) // 2


@dataclass(frozen=True)
class Hit:
    """A stretch in which one class was found."""

    start_seconds: float
    end_seconds: float
    label: str
    probability: float
    """The highest probability in it."""


def windows(
    blocks: Iterable[np.ndarray], length: int, hop: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (first sample, samples) of overlapping windows; the last one may be shorter."""
    rest, first, ended = np.empty(0, np.float32), 0, 0
    for block in blocks:
        rest = np.concatenate([rest, block])
        while len(rest) >= length:
            yield first, rest[:length]
            ended = first + length
            rest, first = rest[hop:], first + hop
    if first + len(rest) > ended:
        yield first, rest


def joined(hits: Sequence[Hit]) -> list[Hit]:
    """Merge adjacent hits of the same class; the highest probability is kept."""
    found: list[Hit] = []
    for hit in hits:
        last = found[-1] if found else None
        if last and last.label == hit.label and hit.start_seconds <= last.end_seconds:
            best = max(last.probability, hit.probability)
            found[-1] = Hit(last.start_seconds, hit.end_seconds, hit.label, best)
        else:
            found.append(hit)
    return found
