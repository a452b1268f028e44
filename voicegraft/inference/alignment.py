"""Align a whole text with the emissions of a long recording, sentence by sentence.

The likeliest path of CTC segmentation (Kürzinger et al. 2020, https://arxiv.org/abs/2007.09127)
through the text, in which a state between any two sentences, the star, takes speech that the text
lacks (Pratap et al. 2023, https://arxiv.org/abs/2305.13516), and a sentence that is not spoken may
be skipped. torchaudio's forced_align has a star and no skips; ctc-segmentation keeps a table of the
whole recording by the whole text.

Here the table is cut at anchors: runs of letters in which the head's own text and the given one
agree (Moreno et al. 1998, ICSLP). So memory grows with the recording, not with its square.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein

from voicegraft.model.ctc import BLANK

STAR = -1
STAR_COST = 3.0
"""What the star loses on each letter that the head hears, in natural logarithms: more than the
right sentence loses on one by the errors of the head, and less than a wrong one. Chosen on dev of
the Czech game, where 2 to 4 do as well."""
SOLID_RUN = 12
"""So many letters in agreement are no chance: the middle one is an anchor."""
BLOCK_FRAMES = 1500
MOST_CELLS = 2_000_000_000


@dataclass(frozen=True)
class Aligned:
    """Where a sentence is spoken, in frames, and how well it fits."""

    first: int
    last: int
    gap: float
    """How much less likely it is than the head's own text there, in natural logarithms a letter."""
    cer: float
    """Edits from the head's own text there, by its letters."""


class Chain:
    """The states that a text runs through: star, sentence, star, sentence, … star.

    Args:
        sentences: the labels of each, (symbols,); a sentence without any is always skipped.
    """

    def __init__(self, sentences: Sequence[np.ndarray]):
        labels, owners = [STAR], [-1]
        for number, symbols in enumerate(sentences):
            spelt = np.full(max(0, 2 * len(symbols) - 1), BLANK)
            spelt[::2] = symbols
            labels += [*spelt.tolist(), STAR]
            owners += [number] * len(spelt) + [-1]
        self.labels, self.owners = np.array(labels), np.array(owners)


def align(
    emission: np.ndarray, sentences: Sequence[np.ndarray], space: int
) -> list[Aligned | None]:
    """Return where each sentence is spoken; None for one that is skipped.

    Args:
        emission: log-probabilities, float32 (frames, labels).
        sentences: their labels, as `ctc.target` returns them.
        space: the label of a space; BLANK if there is none.

    Raises:
        ValueError: if so little of the text is recognised that its place cannot be found.
    """
    chain, star = Chain(sentences), star_scores(emission, space)
    path = _path(emission, star, chain, _anchors(emission, chain, space))
    frames: list[list[int]] = [[] for _ in sentences]
    for frame, state in enumerate(path):
        if chain.labels[state] != STAR:
            frames[chain.owners[state]].append(frame)
    return [
        _fit(emission, chain.labels[path], symbols, own[0], own[-1]) if own else None
        for symbols, own in zip(sentences, frames, strict=True)
    ]


def star_scores(emission: np.ndarray, space: int) -> np.ndarray:
    """Return the log-probability of the star in each frame, (frames,).

    Pauses cost it nothing, each letter of other speech STAR_COST.
    """
    letters = np.maximum(0, 1 - np.exp(emission[:, list({BLANK, space})]).sum(1))
    pause = emission[:, list({BLANK, space})].max(1)
    return np.maximum(pause, emission.max(1) - STAR_COST * letters)


def _fit(
    emission: np.ndarray, labels: np.ndarray, symbols: np.ndarray, first: int, last: int
) -> Aligned:
    own, span = emission[first : last + 1], np.arange(first, last + 1)
    lost = own.max(1) - emission[span, labels[span]]
    predicted, _ = _greedy(own)
    edits = Levenshtein.distance(predicted.tolist(), symbols.tolist())
    return Aligned(first, last, float(lost.sum()) / len(symbols), edits / len(symbols))


def _greedy(emission: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of the head's own text, and the frame in which each begins."""
    best = emission.argmax(1)
    starts = np.flatnonzero(np.r_[True, best[1:] != best[:-1]])
    starts = starts[best[starts] != BLANK]
    return best[starts], starts


def _anchors(emission: np.ndarray, chain: Chain, space: int) -> list[tuple[int, int]]:
    """Return states and frames that the path has to pass, at least BLOCK_FRAMES apart."""
    predicted, frames = _greedy(emission)
    states = np.flatnonzero(chain.labels != BLANK)
    written = np.where(chain.labels[states] == STAR, space, chain.labels[states])
    found: list[tuple[int, int]] = []
    last = 0
    for block in Levenshtein.opcodes(predicted.tolist(), written.tolist()):
        length = block.src_end - block.src_start
        if block.tag != "equal" or length < SOLID_RUN:
            continue
        for middle in range(SOLID_RUN // 2, length - SOLID_RUN // 2 + 1):
            frame = int(frames[block.src_start + middle])
            state = int(states[block.dest_start + middle])
            if frame >= last + BLOCK_FRAMES and chain.labels[state] != STAR:
                found.append((state, frame))
                last = frame
    return found


def _path(
    emission: np.ndarray, star: np.ndarray, chain: Chain, anchors: list[tuple[int, int]]
) -> np.ndarray:
    """Return the state of each frame, (frames,), along the likeliest path through the anchors."""
    start, parts = (0, 0), []
    for end in [*anchors, (len(chain.labels) - 1, len(emission) - 1)]:
        states, frames = slice(start[0], end[0] + 1), slice(start[1], end[1] + 1)
        part = _block(emission[frames], star[frames], chain.labels[states])
        if part is not None:  # else the anchor is a wrong one, and the block goes on
            parts.append(start[0] + (part if end[1] == len(emission) - 1 else part[:-1]))
            start = end
    return np.concatenate(parts)


def _block(emission: np.ndarray, star: np.ndarray, labels: np.ndarray) -> np.ndarray | None:
    """Return the state of each frame from the first state to the last; None if there is no path.

    A step advances by 0, 1 or 2 states; by 2 only over a blank, to a different symbol. From a star
    it may go on to any later one in no time.
    """
    if len(emission) * len(labels) > MOST_CELLS:
        raise ValueError("too little of its text is recognised: is it the text of this recording?")
    stars = np.flatnonzero(labels == STAR)
    columns = np.where(labels == STAR, BLANK, labels)
    over = (labels[1:-1] == BLANK) & (labels[2:] != labels[:-2])
    over = np.r_[False, False, over][: len(labels)]
    best = np.full(len(labels), -np.inf)
    best[0] = 0.0
    steps = np.zeros((len(emission), len(labels)), np.int8)
    leaps = np.zeros((len(emission), len(stars)), np.int32)
    for frame, scores in enumerate(emission):
        if frame:
            best, steps[frame] = _step(best, over)
        own = scores[columns]
        own[stars] = star[frame]
        best = best + own
        leaps[frame] = _leap(best, stars)
    return _traced(steps, leaps, stars) if np.isfinite(best[-1]) else None


def _step(best: np.ndarray, over: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the best score by which each state is reached, and by how many states."""
    reached, steps = best.copy(), np.zeros(len(best), np.int8)
    by_one = np.r_[-np.inf, best[:-1]]
    np.copyto(steps, 1, where=by_one > reached)
    np.maximum(reached, by_one, out=reached)
    by_two = np.where(over, np.r_[-np.inf, -np.inf, best][: len(best)], -np.inf)
    np.copyto(steps, 2, where=by_two > reached)
    return np.maximum(reached, by_two), steps


def _leap(best: np.ndarray, stars: np.ndarray) -> np.ndarray:
    """Let each star have the score of the best one up to it, and return which that is."""
    own = best[stars]
    highest = np.maximum.accumulate(own)
    best[stars] = highest
    return np.maximum.accumulate(np.where(own == highest, np.arange(len(stars)), 0))


def _traced(steps: np.ndarray, leaps: np.ndarray, stars: np.ndarray) -> np.ndarray:
    """Return the state of each frame by following the steps back from the last state."""
    place = {int(star): n for n, star in enumerate(stars)}
    state, path = steps.shape[1] - 1, np.zeros(len(steps), np.int64)
    for frame in range(len(steps) - 1, -1, -1):
        if state in place:
            state = int(stars[leaps[frame, place[state]]])
        path[frame] = state
        state -= int(steps[frame, state])
    return path
