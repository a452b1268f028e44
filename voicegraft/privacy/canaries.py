"""Canaries: made-up sentences, spoken by voices of test, joined from words that were cut out.

No lesson has such a sentence, so what a model knows of it, it has from where it was put. All words
of a sentence are of one voice, and the sound of each is cut where a model has aligned its letters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor
from tqdm import tqdm

from voicegraft.embedding.extraction import States, encode
from voicegraft.embedding.store import Store
from voicegraft.embedding.takes import Take
from voicegraft.language.confidence import word_spans
from voicegraft.model import upstream as upstreams
from voicegraft.model.grafted import Description
from voicegraft.model.precision import bound_cache
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance

LETTERS, SHORTEST = 3, 0.15
"""Of a word to be cut out: its fewest letters, and its shortest sound in seconds."""
WORDS = 6
"""In a sentence: more are more probable to be unique, and as hard to learn as one long clip."""
PAUSE = np.zeros(SAMPLE_RATE // 20, np.int16)
"""Behind each word: CTC needs a frame for the space."""
BATCH_SECONDS = 50.0


@dataclass(frozen=True)
class Spoken:
    """A word and its sound, int16 (samples,)."""

    word: str
    sound: np.ndarray


def cut_words(
    corpus: Corpus, clips: Sequence[Utterance], emissions: Sequence[Tensor], model: Description
) -> dict[str, list[Spoken]]:
    """Return the words of `clips` by voice, aligned by the emissions of `model` for each clip."""
    found: dict[str, list[Spoken]] = {}
    for clip, emission in zip(clips, emissions, strict=True):
        samples = corpus.samples(clip)
        # Emissions go on for the silence behind a clip.
        length = len(samples) + model.margin_seconds * SAMPLE_RATE
        spans = word_spans(clip.text, emission.float(), model.labels)
        for word, span in zip(clip.text.split(), spans, strict=True):
            first, last = (min(len(samples), round(share * length)) for share in span)
            if len(word) >= LETTERS and last - first >= SHORTEST * SAMPLE_RATE:
                found.setdefault(clip.speaker, []).append(Spoken(word, samples[first:last]))
    return found


def made_up(words: Mapping[str, Sequence[Spoken]], count: int, seed: int) -> list["Canary"]:
    """Return so many sentences with no text twice; those of each voice are as many.

    Raises:
        ValueError: if no voice has enough words.
    """
    voices = [voice for voice in sorted(words) if len(words[voice]) >= 2 * WORDS]
    if not voices:
        raise ValueError(f"audit.canaries: no voice of test has {2 * WORDS} words to cut out")
    rng, found = np.random.default_rng(seed), dict[str, Canary]()
    while len(found) < count:
        own = words[voice := voices[len(found) % len(voices)]]
        chosen = [own[i] for i in rng.choice(len(own), WORDS, replace=False)]
        text = " ".join(spoken.word for spoken in chosen)
        sound = np.concatenate([part for spoken in chosen for part in (spoken.sound, PAUSE)])
        found.setdefault(text, Canary(f"canary-{len(found)}", voice, text, sound))
    return list(found.values())


@dataclass(frozen=True)
class Canary:
    """A sentence and its sound, int16 (samples,)."""

    id: str
    voice: str
    text: str
    sound: np.ndarray

    @property
    def clip(self) -> Utterance:
        """The canary as a clip of train."""
        return Utterance(self.id, "train", self.voice, "", 0, len(self.sound), self.text)


class Sounds:
    """Canaries in the place of a corpus, for the upstream."""

    def __init__(self, canaries: Sequence[Canary]):
        self._sounds = {canary.id: canary.sound for canary in canaries}

    def wave(self, clip: Utterance) -> np.ndarray:
        """Return float32 samples in [-1, 1], shape (samples,)."""
        return self._sounds[clip.id].astype(np.float32) / 32_768


class WithCanaries:
    """A store, with the states of canaries beside its own."""

    def __init__(self, store: Store, states: Mapping[str, States]):
        self._store, self._states = store, states
        own = {name: len(next(iter(of.values()))) for name, of in states.items()}
        self.facts, self.frames = store.facts, dict(store.frames) | own

    def ahead(self, clip: str, layer: int) -> None:
        """See `Store`; canaries are in memory."""
        if clip not in self._states:
            self._store.ahead(clip, layer)

    def states(self, clip: str, layer: int) -> np.ndarray:
        """See `Store`."""
        own = self._states.get(clip)
        return own[layer] if own else self._store.states(clip, layer)


def encoded(canaries: Sequence[Canary], upstream: Path, store: Store) -> WithCanaries:
    """Return the store with the states of `canaries`, made as its own were."""
    bound_cache()
    facts, model = store.facts, upstreams.load(upstream)
    how = facts["layers"], facts["margin_seconds"], facts["precision"], BATCH_SECONDS
    takes = [Take(canary.clip) for canary in canaries]
    batches = tqdm(encode(model, Sounds(canaries), *how, takes), "canaries", unit="batch")
    return WithCanaries(store, {take.id: of for batch in batches for take, of in batch.items()})
