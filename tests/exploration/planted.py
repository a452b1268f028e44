"""Invented states of classes, and what was done to them: errors that a look has to find."""

import numpy as np

from voicegraft.speech.manifest import Utterance

CLASSES = ("one", "three", "two")


def states_of(classes: np.ndarray, apart: float, size: int = 24, seed: int = 1) -> np.ndarray:
    """Return noise about a centre for each class, (clips, size); `apart`: how far they lie."""
    draw = np.random.default_rng(seed)
    centres = apart * draw.normal(0, 1, (classes.max() + 1, size)) / np.sqrt(size)
    return centres[classes] + draw.normal(0, 1, (len(classes), size))


def mislabelled(clips: int, share: float, seed: int) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Return true classes, labels with `share` of them wrong, and which those are."""
    draw = np.random.default_rng(seed)
    classes = np.arange(clips) % len(CLASSES)
    wrong = draw.choice(clips, round(share * clips), replace=False)
    given = classes.copy()
    given[wrong] = (given[wrong] + draw.integers(1, len(CLASSES), len(wrong))) % len(CLASSES)
    return classes, [CLASSES[k] for k in given], wrong


def clip(number: int, text: str = "", label: str = "", seconds: float = 1.0) -> Utterance:
    """Return a clip of train, in one of twelve sessions."""
    own = f"clip{number}", "train", f"voice{number % 3}", f"session{number % 12}"
    return Utterance(*own, 0, round(16_000 * seconds), text, label)


def found_in_first_tenth(order: np.ndarray, planted: np.ndarray) -> float:
    """Return which share of what was planted stands in the first tenth of a list."""
    return float(np.isin(planted, order[: round(len(order) / 10)]).mean())
