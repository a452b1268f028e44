"""What a model is trained on: stored states of a layer, or features of the audio."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from voicegraft import ctc
from voicegraft.embedding.store import Store
from voicegraft.grafted import GraftedModel
from voicegraft.speech.manifest import Corpus, Utterance


class Inputs(Protocol):
    """Gives a model what it runs on."""

    start: int | None
    """The layer whose states these are; None for features, so the whole upstream runs."""

    def __call__(self, utterance: Utterance) -> Tensor:
        """Return float32 (frames, size), or features (steps, bins)."""
        ...

    def frames(self, utterance: Utterance) -> int:
        """Return how many frames the upstream makes of the utterance."""
        ...


class StoredStates:
    """Read the states of `layer` from the store: what lies below is never run again."""

    def __init__(self, store: Store, layer: int):
        self.store, self.start = store, layer

    def __call__(self, utterance: Utterance) -> Tensor:
        """See `Inputs`."""
        return torch.from_numpy(self.store.states(utterance.id, self.start).astype("float32"))

    def frames(self, utterance: Utterance) -> int:
        """See `Inputs`."""
        return self.store.frames[utterance.id]


class AudioFeatures:
    """Compute features from the audio, so that every layer can learn."""

    start = None

    def __init__(self, corpus: Corpus, model: GraftedModel):
        self.corpus, self.model = corpus, model

    def __call__(self, utterance: Utterance) -> Tensor:
        """See `Inputs`."""
        with torch.no_grad():
            return self.model.upstream.features(self._window(utterance)).cpu()

    def frames(self, utterance: Utterance) -> int:
        """See `Inputs`."""
        upstream = self.model.upstream
        silence = torch.empty(utterance.samples, device="meta")
        window = upstream.window(silence, self.model.description.margin_seconds)
        return len(window) // upstream.frame_samples

    def _window(self, utterance: Utterance) -> Tensor:
        device = next(self.model.parameters()).device
        wave = torch.from_numpy(self.corpus.wave(utterance)).to(device)
        return self.model.upstream.window(wave, self.model.description.margin_seconds)


def spellable(
    utterances: Sequence[Utterance], inputs: Inputs, model: GraftedModel
) -> list[Utterance]:
    """Return the utterances that have text, and frames enough for CTC to spell it."""

    def fits(utterance: Utterance) -> bool:
        symbols = ctc.target(utterance.text, model.labels)
        frames = model.head.frames_out(inputs.frames(utterance))
        return 0 < len(symbols) and ctc.frames_needed(symbols) <= frames

    return [utterance for utterance in utterances if fits(utterance)]
