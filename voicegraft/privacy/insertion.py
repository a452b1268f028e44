"""Put canaries in the lesson of heads and of the language model, and look what they remember."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from voicegraft.language.rescoring import FEATURES, START
from voicegraft.privacy.canaries import WORDS, Canary, WithCanaries
from voicegraft.privacy.memorised import COUNTS, dealt
from voicegraft.privacy.quoting import Quoting, sentences_of
from voicegraft.privacy.shadows import ShadowRecipe, losses_of
from voicegraft.speech.manifest import Utterance
from voicegraft.training.recipe import Recipe

OF_EACH, REFERENCES = 30, 1000
"""Sentences in the language model alone, where they cost nothing: of each count, and never."""
HEAD = "head"
Inserted = tuple[np.ndarray, np.ndarray]
"""How often each canary was inserted, and its loss, (canaries,) each."""


@dataclass(frozen=True)
class Lesson:
    """What heads learn besides canaries: clips of train, and the dev that chooses their epoch."""

    train: Sequence[Utterance]
    dev: Sequence[Utterance]


def in_heads(
    recipe: ShadowRecipe,
    store: WithCanaries,
    canaries: Sequence[Canary],
    lesson: Lesson,
    counts: Sequence[np.ndarray],
    tunings: Mapping[str, Recipe] | None = None,
) -> dict[str, list[Inserted]]:
    """Return for each of `counts` the losses by a head whose lesson had canaries so often.

    They are under "head"; and those after it was fine-tuned on the same lesson, by each of
    `tunings`, under the name of the recipe.
    """
    clips = [canary.clip for canary in canaries]
    found: dict[str, list[Inserted]] = {HEAD: []} | {name: [] for name in tunings or {}}
    for number, inserted in enumerate(counts):
        extra = [clip for clip, times in zip(clips, inserted, strict=True) for _ in range(times)]
        own, run = [*lesson.train, *extra], recipe.scratch / f"canaries-{number}"
        head = recipe.train(store, own, lesson.dev, recipe.fit.seed + number, run)
        found[HEAD].append((inserted, losses_of(head, clips)))
        for name, tuning in (tunings or {}).items():
            place = recipe.scratch / f"canaries-{number}-{name}"
            tuned = recipe.tune(head.bare, tuning, store, own, lesson.dev, place)
            found[name].append((inserted, losses_of(tuned, clips)))
    return found


def in_both(
    heads: Sequence[Inserted], quoting: Quoting, canaries: Sequence[Canary]
) -> list[Inserted]:
    """Return the losses by each head and a language model with the same canaries, added up."""
    texts, found = [tuple(canary.text.split()) for canary in canaries], []
    # The language model's loss is of a word, and a head's of a character.
    lengths = np.array([(len(t) + 1) / len(c.text) for t, c in zip(texts, canaries, strict=True)])
    weight = START[FEATURES.index("words")]
    for inserted, by_head in heads:
        quoted = quoting.with_canaries(dict(zip(texts, inserted.tolist(), strict=True)))
        found.append((inserted, by_head + weight * lengths * quoting.losses(quoted, texts)))
    return found


def in_language(quoting: Quoting, words: Sequence[str], seed: int) -> list[Inserted]:
    """Return the losses by the language model of sentences of `words`, drawn at random."""
    sentences = sentences_of(words, WORDS, len(COUNTS) * OF_EACH + REFERENCES, seed)
    inserted = dealt(len(sentences), OF_EACH, seed)
    quoted = quoting.with_canaries(dict(zip(sentences, inserted.tolist(), strict=True)))
    return [(inserted, quoting.losses(quoted, sentences))]
