"""Texts of a source, made ready for a language model: nothing scored, nothing that has no label."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from voicegraft.language.leaks import Scored
from voicegraft.language.ngram import RESERVED, UNKNOWN
from voicegraft.preparing.text import TextSection, normalise

MOST_CHARACTERS = 20
"""How many characters without a label the counts name."""


@dataclass
class Source:
    """Sentences as words, UNKNOWN for a word with a character that has no label; and counts."""

    sentences: list[list[str]]
    leaks: int = 0
    unlabelled: Counter[str] = field(default_factory=Counter)
    """In how many sentences each character is that has no label."""
    unlabelled_words: int = 0

    def counts(self) -> dict[str, Any]:
        """Return the counts, without a word of the texts."""
        commonest = sorted(self.unlabelled.items(), key=lambda item: (-item[1], item[0]))
        return {
            "sentences": len(self.sentences),
            "words": sum(map(len, self.sentences)),
            "leaks_removed": self.leaks,
            "words_without_label": self.unlabelled_words,
            "characters_without_label": len(self.unlabelled),
            "commonest_without_label": dict(commonest[:MOST_CHARACTERS]),
        }


def usable(texts: Iterable[Sequence[str]], labels: Collection[str], scored: Scored) -> Source:
    """Return the sentences of `texts` that are not scored, and have a word that can be written."""
    every = list(texts)
    leaks = scored.leaks(every)
    source = Source([], int(leaks.sum()))
    known = set(labels)
    for words, leaks_out in zip(every, leaks, strict=True):
        if leaks_out:
            continue
        source.unlabelled.update(set().union(*words) - known)
        written = [word if known.issuperset(word) else UNKNOWN for word in words]
        source.unlabelled_words += written.count(UNKNOWN)
        if set(written) != {UNKNOWN}:
            source.sentences.append(written)
    return source


def usable_words(
    words: Counter[str], labels: Collection[str], section: TextSection
) -> Counter[str]:
    """Return the listed words that labels can spell, normalised, with their frequency."""
    known, found = set(labels), Counter()
    for word, frequency in words.items():
        normal = normalise(word, section)
        if normal and normal not in RESERVED and known.issuperset(normal) and " " not in normal:
            found[normal] += frequency
    return found
