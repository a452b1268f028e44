"""What a model is trained on: stored states of a layer, or features of the audio; augmented."""

import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from voicegraft.embedding.store import Store
from voicegraft.embedding.takes import Take, degraded_id, degraded_takes, take_id
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.layers import Layer, numbers
from voicegraft.model.objective import Transcription
from voicegraft.speech.degradation import Degradation
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.speech.rows import choose
from voicegraft.training import diagnosis
from voicegraft.training.fit import Masking, mask
from voicegraft.training.ranks import is_first


class Inputs(Protocol):
    """Gives a model what it runs on."""

    start: int | None
    """The layer whose states these are; None for features, so the whole upstream runs."""

    def __call__(self, utterance: Utterance) -> Tensor:
        """Return float32 (frames, size) or (frames, layers, size), or features (steps, bins)."""
        ...

    def augmented(self, utterance: Utterance, masked: bool = True) -> Tensor:
        """Return the same, changed at random by torch's generator, with masks or without."""
        ...

    def ahead(self, utterance: Utterance) -> None:
        """Let the system read, meanwhile, what is wanted soon."""
        ...

    def frames(self, utterance: Utterance) -> int:
        """Return the fewest frames that the upstream makes of the utterance."""
        ...

    def examples(self, count: int) -> list[Tensor]:
        """Return what at most so many clips give, of middling length; always the same ones."""
        ...


class StoredStates:
    """Read the states of `layer` from the store: what lies below is never run again.

    Of several layers they are (frames, layers, size), and nothing is run at all.
    """

    def __init__(self, store: Store, layer: Layer, masking: Masking):
        self.store, self.layer, self.masking = store, layer, masking
        self.start = numbers(layer)[-1]

    def __call__(self, utterance: Utterance) -> Tensor:
        """See `Inputs`."""
        return self.states(utterance.id)

    def ahead(self, utterance: Utterance) -> None:
        """See `Inputs`."""
        for take in self.takes(utterance):
            for layer in numbers(self.layer):
                self.store.ahead(take, layer)

    def augmented(self, utterance: Utterance, masked: bool = True) -> Tensor:
        """Take one of the stored takes, then mask spans of frames and of dimensions."""
        ids = self.takes(utterance)
        states = self.states(ids[int(torch.randint(len(ids), ()))])
        return mask(states, utterance.seconds, self.masking) if masked else states

    def frames(self, utterance: Utterance) -> int:
        """See `Inputs`."""
        return min(self.store.frames[take] for take in self.takes(utterance))

    def examples(self, count: int) -> list[Tensor]:
        """See `Inputs`."""
        takes = sorted(self.store.frames, key=self.store.frames.__getitem__)
        return [self.states(take) for take in _middle(takes, count)]

    def takes(self, utterance: Utterance) -> list[str]:
        """Return the ids of the stored takes, the clip's own first."""
        ids = [take_id(utterance.id, speed) for speed in [1.0, *self.store.facts["speeds"]]]
        degradations = len(self.store.facts.get("augment", []))
        ids += [degraded_id(utterance.id, number) for number in range(degradations)]
        return [take for take in ids if take in self.store.frames]

    def states(self, take: str) -> Tensor:
        """Return the states of a take, as of a clip."""
        if isinstance(self.layer, int):
            return torch.from_numpy(self.store.states(take, self.layer).astype("float32"))
        states = [self.store.states(take, layer) for layer in self.layer]
        return torch.from_numpy(np.stack(states, axis=1).astype("float32"))


class AudioFeatures:
    """Compute features from the audio, so that every layer can learn.

    Args:
        corpus: whose audio it is.
        model: whose upstream makes the features, with the model's own margin.
        masking: of the features.
        speeds: of further takes, besides 1.
        augment: how they are degraded, besides.
    """

    start = None

    def __init__(
        self,
        corpus: Corpus,
        model: GraftedModel,
        masking: Masking,
        speeds: Sequence[float] = (),
        augment: Sequence[Degradation] = (),
    ):
        self.corpus, self.model, self.masking = corpus, model, masking
        self.speeds, self.augment = [1.0, *speeds], augment

    def __call__(self, utterance: Utterance) -> Tensor:
        """See `Inputs`."""
        return self._features(Take(utterance))

    def ahead(self, utterance: Utterance) -> None:
        """See `Inputs`: samples are a tenth of states, and computing features takes longer."""

    def augmented(self, utterance: Utterance, masked: bool = True) -> Tensor:
        """Change the speed or degrade the clip, then mask spans of steps and of bins."""
        takes = self._takes(utterance)
        features = self._features(takes[int(torch.randint(len(takes), ()))])
        return mask(features, utterance.seconds, self.masking) if masked else features

    def frames(self, utterance: Utterance) -> int:
        """See `Inputs`."""
        shortest = min(take.samples for take in self._takes(utterance))
        window = self._window(torch.empty(shortest, device="meta"))
        return len(window) // self.model.upstream.frame_samples

    def examples(self, count: int) -> list[Tensor]:
        """See `Inputs`."""
        longest = self.model.upstream.max_samples
        clips = [clip for clip in self.corpus.utterances if clip.samples <= longest]
        clips.sort(key=lambda clip: clip.samples)
        return [self(clip) for clip in _middle(clips, count)]

    @torch.no_grad()
    def _features(self, take: Take) -> Tensor:
        device = next(self.model.parameters()).device
        window = self._window(take.wave(self.corpus))
        return self.model.upstream.features(window.to(device)).cpu()

    def _takes(self, utterance: Utterance) -> list[Take]:
        takes = [Take(utterance, speed) for speed in self.speeds]
        takes += degraded_takes(utterance, self.augment)
        return [take for take in takes if take.samples <= self.model.upstream.max_samples]

    def _window(self, wave: Tensor) -> Tensor:
        return self.model.upstream.window(wave, self.model.description.margin_seconds)


def _middle(ordered: list, count: int) -> list:
    """Return the `count` in the middle, or all if there are fewer."""
    first = max(0, (len(ordered) - count) // 2)
    return ordered[first : first + count]


def learnable(
    utterances: Sequence[Utterance], inputs: Inputs, model: GraftedModel
) -> Sequence[Utterance]:
    """Return the utterances that have a target and enough frames for it."""

    def fits(utterance: Utterance) -> bool:
        frames = model.head.frames_out(inputs.frames(utterance))
        return model.objective.learnable(utterance, frames)

    return choose(utterances, [place for place, clip in enumerate(utterances) if fits(clip)])


def learnable_side(
    corpus: Corpus, side: str, inputs: Inputs, model: GraftedModel
) -> Sequence[Utterance]:
    """Return the clips of `side` that can be learnt from, and print messages on the others.

    Raises:
        ValueError: if none can.
    """
    everything, objective = corpus.of(side), model.objective
    kept = learnable(everything, inputs, model)
    if dropped := len(everything) - len(kept):
        why = objective.unlearnable, objective.remedy
        _say(diagnosis.left_out(side, dropped, len(everything), *why))
    if isinstance(objective, Transcription) and (
        wrong := diagnosis.unknown_letters(side, everything, objective.labels)
    ):
        _say(wrong)
    if not kept:
        raise ValueError(f"{side}: none of {len(everything)} clips can be learnt from")
    return kept


AHEAD = 4
"""Batches that are read in advance."""
FEW = 5_000
"""Batches of an epoch that is not read in advance: after the first one, it lies in memory."""


def read_ahead(
    batches: Sequence[Sequence[Utterance]], inputs: Inputs
) -> Iterator[Sequence[Utterance]]:
    """Yield the batches; of many, the system reads what the next ones need meanwhile."""
    for number, batch in enumerate(batches):
        if len(batches) > FEW:
            new = batches[number + AHEAD - 1 if number else 0 : number + AHEAD]
            for utterance in chain.from_iterable(new):
                inputs.ahead(utterance)
        yield batch


def _say(line: str) -> None:
    if is_first():
        print(line, file=sys.stderr)
