"""What a model is trained on: stored states of a layer, or features of the audio; augmented."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from voicegraft import ctc
from voicegraft.embedding.store import Store
from voicegraft.embedding.takes import take_id
from voicegraft.grafted import GraftedModel
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.torchaudio_on_cpu import torchaudio
from voicegraft.training.masking import Masking, mask


class Inputs(Protocol):
    """Gives a model what it runs on."""

    start: int | None
    """The layer whose states these are; None for features, so the whole upstream runs."""

    def __call__(self, utterance: Utterance) -> Tensor:
        """Return float32 (frames, size), or features (steps, bins)."""
        ...

    def augmented(self, utterance: Utterance) -> Tensor:
        """Return the same, changed at random by torch's generator."""
        ...

    def frames(self, utterance: Utterance) -> int:
        """Return the fewest frames that the upstream makes of the utterance."""
        ...


class StoredStates:
    """Read the states of `layer` from the store: what lies below is never run again."""

    def __init__(self, store: Store, layer: int, masking: Masking):
        self.store, self.start, self.masking = store, layer, masking

    def __call__(self, utterance: Utterance) -> Tensor:
        """See `Inputs`."""
        return self._states(utterance.id)

    def augmented(self, utterance: Utterance) -> Tensor:
        """Take one of the stored speeds, then mask spans of frames and of dimensions."""
        ids = self._takes(utterance)
        states = self._states(ids[int(torch.randint(len(ids), ()))])
        return mask(states, utterance.seconds, self.masking)

    def frames(self, utterance: Utterance) -> int:
        """See `Inputs`."""
        return min(self.store.frames[take] for take in self._takes(utterance))

    def _takes(self, utterance: Utterance) -> list[str]:
        ids = [take_id(utterance.id, speed) for speed in [1.0, *self.store.facts["speeds"]]]
        return [take for take in ids if take in self.store.frames]

    def _states(self, take: str) -> Tensor:
        return torch.from_numpy(self.store.states(take, self.start).astype("float32"))


class AudioFeatures:
    """Compute features from the audio, so that every layer can learn.

    Args:
        corpus: whose audio it is.
        model: whose upstream makes the features, with the model's own margin.
        masking: of the features.
        speed_share: a clip is played slower or faster by this share, or as it is, at random
            (Ko et al. 2015, https://doi.org/10.21437/Interspeech.2015-711).
    """

    start = None

    def __init__(
        self, corpus: Corpus, model: GraftedModel, masking: Masking, speed_share: float = 0.0
    ):
        self.corpus, self.model, self.masking = corpus, model, masking
        self.fastest = 1 + speed_share
        self.perturbed = torchaudio.transforms.SpeedPerturbation(
            model.upstream.sample_rate, sorted({1 - speed_share, 1.0, 1 + speed_share})
        )

    def __call__(self, utterance: Utterance) -> Tensor:
        """See `Inputs`."""
        return self._features(self._wave(utterance))

    def augmented(self, utterance: Utterance) -> Tensor:
        """Change the speed, then mask spans of steps and of bins."""
        wave, _ = self.perturbed(self._wave(utterance))
        limit = self.model.upstream.max_samples
        return mask(self._features(wave[:limit]), utterance.seconds, self.masking)

    def frames(self, utterance: Utterance) -> int:
        """See `Inputs`."""
        silence = torch.empty(int(utterance.samples / self.fastest), device="meta")
        return len(self._window(silence)) // self.model.upstream.frame_samples

    @torch.no_grad()
    def _features(self, wave: Tensor) -> Tensor:
        device = next(self.model.parameters()).device
        return self.model.upstream.features(self._window(wave).to(device)).cpu()

    def _wave(self, utterance: Utterance) -> Tensor:
        return torch.from_numpy(self.corpus.wave(utterance))

    def _window(self, wave: Tensor) -> Tensor:
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
