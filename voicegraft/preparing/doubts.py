"""Warnings about a prepared corpus: one line each, with the knob or file to check."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats import spearmanr

from voicegraft.preparing.census import Counts
from voicegraft.speech.manifest import Utterance

FEWEST_CLIPS = 50
"""With fewer clips, texts are not compared with lengths."""
LEAST_KNOWN = 0.2
"""The lowest share of train's characters in dev. Alphabets reach 0.7, Chinese characters 0.25."""
MOST_UNKNOWN = 0.05
SLOWEST = 2.0
"""In characters per second. Languages have 5 to 8 syllables in a second of speech (Pellegrino,
Coupé and Marsico 2011, https://doi.org/10.1353/lan.2011.0057), each of a character at least; the
rest allows for pauses."""
LEAST_CORRELATION = 0.2
LEAST_SPREAD = 0.2
"""Standard deviation of log durations: with equal durations a correlation means nothing."""


def leaking(leaks: Counts) -> Iterator[str]:
    """Yield a line for each pair of splits with shared traits that must be disjoint."""
    for pair, counts in leaks.items():
        if found := [f"{n} {trait}" for trait, n in counts.items() if n]:
            yield (
                f"{pair.replace('-', ' and ')} share {', '.join(found)}: the corpus itself puts "
                f"them in both splits; leave its column split empty to have them kept apart"
            )


def doubtful_texts(utterances: Sequence[Utterance]) -> Iterator[str]:
    """Yield a line for each unlikely property of texts for transcription.

    Args:
        utterances: with their final split.
    """
    train, dev = ([u for u in utterances if u.split == side] for side in ("train", "dev"))
    if train and dev:
        yield from _vocabulary(_characters(train), _characters(dev))
    if len(train) >= FEWEST_CLIPS:
        yield from _lengths(train)


def _characters(utterances: Sequence[Utterance]) -> Counter[str]:
    return Counter(char for u in utterances for char in u.text if char != " ")


def _vocabulary(train: Counter[str], dev: Counter[str]) -> Iterator[str]:
    known = len(train.keys() & dev.keys())
    if known < LEAST_KNOWN * len(train):
        yield (
            f"dev has {known} of the {len(train)} characters of train; the others are not scored: "
            f"raise prepare_data.split.dev_share, or keep fewer signs by prepare_data.text"
        )
    unknown = sum(n for char, n in dev.items() if char not in train)
    if unknown > MOST_UNKNOWN * dev.total():
        yield (
            f"{unknown / dev.total():.0%} of the characters of dev are not in train and cannot "
            f"be predicted: see whether both are in one script, or change prepare_data.split.seed"
        )


def _lengths(train: Sequence[Utterance]) -> Iterator[str]:
    seconds = np.array([u.seconds for u in train])
    characters = np.array([len(u.text) for u in train])
    if (pace := np.median(characters / seconds)) < SLOWEST:
        yield (
            f"half of the clips of train have under {pace:.1f} characters per second, where speech "
            f"has 5 to 25: cut them to the speech of their texts, or leave out long ones by "
            f"prepare_data.check.max_seconds"
        )
    if min(np.log(seconds).std(), np.log(characters).std()) > LEAST_SPREAD:
        correlation = spearmanr(seconds, characters).statistic
        if correlation < LEAST_CORRELATION:
            yield (
                f"in train, longer clips have no longer texts (rank correlation "
                f"{correlation:.2f}): see whether each text of corpus.folder belongs to its file"
            )
