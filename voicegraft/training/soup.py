"""A model soup: the mean of the weights of several trainings from one head, if dev does not object.

Wortsman et al. 2022, https://arxiv.org/abs/2203.05482. Trainings differ by their seeds, or by what
they unfreeze and how fast; all begin at the same weights, without which a mean is no model. It
costs so many trainings, and runs as fast as one model.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from voicegraft.speech.manifest import Corpus
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.inputs import learnable_side
from voicegraft.training.loop import Trainer
from voicegraft.training.ranks import is_first
from voicegraft.training.scratch import RESULT, keep, recall
from voicegraft.training.sharding import whole


@dataclass(frozen=True)
class Ingredient:
    """One training: its best weights by name, their error on dev, and the curve by epoch."""

    weights: Mapping[str, Tensor]
    error: float
    history: list[dict[str, float]]


@dataclass(frozen=True)
class Soup:
    """Errors on dev, of each training alone and of the mean; and the curve of the best alone."""

    alone: list[float]
    together: float
    history: list[dict[str, float]]

    def __str__(self) -> str:
        each = ", ".join(f"{error:.4f}" for error in self.alone)
        kept = "the mean is kept" if self.is_kept else "the best alone is kept"
        return f"dev error {each}; of their mean {self.together:.4f}: {kept}"

    @property
    def errors(self) -> dict[str, Any]:
        """The errors by name, if there are several trainings."""
        return {"dev_alone": self.alone, "dev_together": self.together} if self.alone[1:] else {}

    @property
    def is_kept(self) -> bool:
        """Whether the mean is no worse than the best training alone."""
        return self.together <= min(self.alone)


def train_soup(
    trainer: Callable[[int], Trainer], folder: Callable[[Trainer], Path], count: int, corpus: Corpus
) -> tuple[Trainer, Soup]:
    """Return a trainer whose model is the mean of `count` trainings, or the best of them.

    Args:
        trainer: makes what trains in the way of that number, from the same weights.
        folder: of a training, by which a run that was stopped knows those that are done.
        count: how many.
        corpus: to train on.
    """
    found: list[Ingredient] = []
    for number in range(count):
        last = trainer(number)
        found.append(_trained(last, folder(last), corpus))
    best = min(found, key=lambda one: one.error)
    if count == 1:
        last.take(best.weights)
        return last, Soup([best.error], best.error, best.history)
    # That in which most has learnt runs from below all that the mean changes.
    judge = trainer(max(range(count), key=lambda number: len(found[number].weights)))
    start = {name: whole(w.detach()).cpu().clone() for name, w in judge.bare.named_parameters()}
    judge.take(mean_of([one.weights for one in found], start))
    together = judge.error(learnable_side(corpus, "dev", judge.inputs, judge.bare))
    soup = Soup([one.error for one in found], together, best.history)
    if not soup.is_kept:
        judge.take(start | best.weights)
    return judge, soup


def mean_of(each: Sequence[Mapping[str, Tensor]], start: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the mean of weights by name; where one has none, `start` was not changed by it."""
    names = dict.fromkeys(name for own in each for name in own)
    stacked = {name: torch.stack([own.get(name, start[name]) for own in each]) for name in names}
    return {name: weights.mean(0) for name, weights in stacked.items()}


def _trained(trainer: Trainer, folder: Path, corpus: Corpus) -> Ingredient:
    """Train, or recall what was trained before."""
    if kept := recall(folder / RESULT):
        weights, values = kept
        return Ingredient(weights, values["error"], values["history"])
    checkpoint = Checkpoint(folder)
    history = trainer.learn(corpus, checkpoint)
    error = trainer.progress.best_error
    if is_first():
        keep(folder / RESULT, trainer.best, {"error": error, "history": history})
        checkpoint.discard()
    return Ingredient(trainer.best, error, history)
