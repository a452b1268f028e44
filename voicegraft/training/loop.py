"""Train what is unfrozen, score dev after each epoch, keep the best, stop when it stops helping."""

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from tqdm import tqdm

from voicegraft.model.grafted import GraftedModel
from voicegraft.model.saved import save_model
from voicegraft.speech.manifest import BACKGROUND, Corpus, Utterance
from voicegraft.training import diagnosis
from voicegraft.training.checkpoint import Checkpoint, Learning, Progress
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit, long_enough, steps_of_epoch, with_background
from voicegraft.training.gradients import Gradients
from voicegraft.training.inputs import Inputs, learnable, learnable_side, read_ahead
from voicegraft.training.predictor import Predictor
from voicegraft.training.ranks import Turn, after, company, sums, turns
from voicegraft.training.records import write_curves
from voicegraft.training.schedule import Part, optimiser, take_step, unfreeze, warm_up_and_decay
from voicegraft.training.scoring import DevScorer
from voicegraft.training.sharding import like, set_up, whole

if TYPE_CHECKING:
    from lightning_fabric import Fabric

STEPS_A_CHECKPOINT = 500
"""Beside one after every epoch: an epoch of a thousand hours has 100,000 steps."""


class Trainer:
    """One run: a model, what it is fed, and what of it may learn.

    Epoch 0 is the model as it came: fine-tuning that never beats the trained head leaves it as it
    was. Every epoch seeds torch by its own number, and a checkpoint within an epoch keeps torch's
    generators: a run that was killed goes on to the same bytes as one that was not. Every rank of
    several runs this, see voicegraft.training.ranks.

    Args:
        quiet: print nothing: for one run of many.
        section: of params.yaml, where `fit` stands.
        attention_weight: share of the model's attention decoder in the loss, and in the error on
            dev by which the best epoch is chosen (0 to 1).
    """

    def __init__(
        self,
        fabric: "Fabric",
        model: GraftedModel,
        inputs: Inputs,
        parts: Sequence[Part],
        fit: Fit,
        quiet: bool = False,
        section: str = "train_head",
        attention_weight: float = 0.0,
    ):
        self.fabric, self.bare, self.inputs = fabric, model, inputs
        self.fit, self.quiet, self.section = fit, quiet, section
        scaled = getattr(fabric.strategy.precision, "scaler", None) is not None
        unfreeze(model, parts)  # of what learns later, too, gradients are to be averaged
        self.model, self.optimiser, self.parts = set_up(
            fabric, model, parts, lambda p: optimiser(p, fit.weight_decay, fabric.device, scaled)
        )
        self.predictor = Predictor(fabric, model, inputs, fit.batch_seconds)
        self.emissions, self.predict = self.predictor.emissions, self.predictor.predict
        self.scorer = DevScorer(self.predictor, attention_weight)
        self.gradients = Gradients(fabric, self.model, self.predictor, fit, attention_weight)
        self.progress = Progress()
        self.best = self._copies()

    @property
    def _is_first(self) -> bool:
        """Whether this rank writes and prints."""
        return self.fabric.is_global_zero

    def named_by(self, compute: Compute) -> dict[str, Any]:
        """Return the knobs that name the run: the batches of a step, and not how many take them.

        So a run that was killed goes on with more ranks or fewer, if `accumulate` makes up for it.
        """
        together = self.fit.accumulate * self.fabric.world_size
        fit = self.fit.model_copy(update={"accumulate": together})
        alone = compute.model_copy(update={"devices": 1, "sharded": False})
        return {"fit": fit, "compute": alone}

    def train(self, corpus: Corpus, checkpoint: Checkpoint, model: Path, curves: Path) -> None:
        """Train on the corpus, and write the best model and its curves.

        Raises:
            ValueError: if a side of the corpus has no clip that can be learnt from.
        """
        history = self.learn(corpus, checkpoint)
        self.write(model)
        if self._is_first:
            write_curves(history, curves)
            checkpoint.discard()

    def learn(self, corpus: Corpus, checkpoint: Checkpoint) -> list[dict[str, float]]:
        """Train on the corpus, as `run` does."""
        sides = (learnable_side(corpus, s, self.inputs, self.bare) for s in ("train", "dev"))
        background = learnable(corpus.of(BACKGROUND), self.inputs, self.bare)
        return self.run(*sides, checkpoint, background)

    def write(self, model: Path) -> None:
        """Write the model as it is; all ranks call this together, for shards, and one writes."""
        weights = {name: whole(value) for name, value in self.bare.state_dict().items()}
        if self._is_first:
            save_model(self.bare, model, weights)

    def run(
        self,
        train: Sequence[Utterance],
        dev: Sequence[Utterance],
        checkpoint: Checkpoint,
        background: Sequence[Utterance] = (),
    ) -> list[dict[str, float]]:
        """Train to the lowest error on dev, leave the model there; return the curve by epoch.

        Of clips of `background` it learns to write nothing, in each epoch of a part of them.

        Raises:
            ValueError: if loss or gradients are not finite, naming the knob.
        """
        ranks, first = self.fabric.world_size, with_background(train, background, 0)
        steps = len(steps_of_epoch(first, self.fit, 0, ranks))
        self.budget = long_enough(self.fit, steps)
        times = self.budget.epochs / self.fit.epochs
        self.parts = [replace(p, first_epoch=round(p.first_epoch * times)) for p in self.parts]
        self.checkpoint = checkpoint
        self.schedule = warm_up_and_decay(
            self.optimiser, self.parts, steps, self.budget.epochs, self.fit.warmup_share
        )
        with company(ranks):
            if not self._restore():
                self._score(dev, {"step": 0})
            while self._goes_on():
                self._epoch(with_background(train, background, self.progress.epoch), dev)
                self._warn(diagnosis.after_epoch)
                self._save()
            self._warn(diagnosis.at_end)
            self.take(self.best)
        return self.progress.history

    @torch.no_grad()
    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Put weights, by name, in the place of the model's own; others stay."""
        for name, own in self.bare.named_parameters():
            if name in weights:
                own.copy_(like(weights[name], own))

    def error(self, dev: Sequence[Utterance]) -> float:
        """Return the error on dev by which the best epoch is chosen, of the model as it is."""
        return self.scorer(dev).error

    def _goes_on(self) -> bool:
        progress, last_unfreezing = self.progress, max(part.first_epoch for part in self.parts)
        since = max(progress.best_epoch, progress.mute_epoch, last_unfreezing)
        budget = self.budget
        return progress.epoch < budget.epochs and progress.epoch - since < budget.patience

    def _epoch(self, train: Sequence[Utterance], dev: Sequence[Utterance]) -> None:
        epoch, first, began = self.progress.epoch, self.progress.steps, time.monotonic()
        learning = unfreeze(self.bare, self.parts, epoch)
        if not first:  # else the checkpoint has set torch's generator
            torch.manual_seed(self.fit.epoch_seed(epoch))
        # Masks delay CTC's first letters, on Yoruba to epoch 4, 5 or never: without them, epoch 3.
        self.gradients.masked = self.progress.spells
        steps = steps_of_epoch(train, self.fit, epoch, self.fabric.world_size)
        loss = self._learn(turns(steps, self.fabric.global_rank, self.fabric.world_size))
        seconds = time.monotonic() - began
        self.progress.end_epoch()
        name, error = self._score(dev, {"step": self.progress.epoch, "train/loss": loss})
        speed = sum(u.seconds for u in train) * (1 - first / len(steps)) / seconds
        self._print(
            f"epoch {self.progress.epoch}/{self.budget.epochs}: loss {loss:.3f}, "
            f"dev {name.upper()} {error:.4f}, {seconds:.0f} s "
            f"({speed:.0f} × real time), learning: {', '.join(learning)}"
        )

    def _learn(self, epoch: list[Turn]) -> float:
        """Take the turns that are left; return the mean loss, of all ranks, that was finite."""
        self.model.train()
        progress, began = self.progress, self.progress.steps
        left = after(epoch, began)
        title, silent = f"epoch {progress.epoch + 1}", self.quiet or not self._is_first
        read = zip(left, read_ahead([turn.batch for turn in left], self.inputs), strict=True)
        first = len(epoch) - len(left)
        bar = tqdm(
            read, title, len(epoch), unit="batch", leave=False, disable=silent, initial=first
        )
        for turn, _ in bar:
            value = self.gradients.add(turn, progress.epoch)
            progress.count(value if turn.weight else math.nan)
            if turn.last:
                self._step()
                progress.steps += 1
                if progress.steps % STEPS_A_CHECKPOINT == 0:
                    self._save()
            bar.set_postfix(loss=f"{value:.2f}")
        total, count = sums(self.fabric, [progress.loss, progress.batches])
        return total / count if count else math.nan

    def _save(self) -> None:
        """Replace the checkpoint; every rank goes on with what it has counted itself."""
        progress = self.progress
        loss, batches = sums(self.fabric, [progress.loss, progress.batches])
        learning = self._learning(replace(progress, loss=loss, batches=round(batches)))
        self.checkpoint.save(learning, write=self._is_first)

    def _step(self) -> None:
        run = self.fabric, self.model, self.optimiser, self.schedule
        if not take_step(*run, self.fit.clip_norm):
            raise ValueError(diagnosis.diverged(self.progress.epoch + 1, self.section, self.fit))

    def _score(self, dev: Sequence[Utterance], record: dict[str, float]) -> tuple[str, float]:
        """Add dev's rates to the history, keep the best weights; return the rate that counts."""
        found = self.scorer(dev)
        weights = {f"layer/{k}": weight for k, weight in self.bare.layer_weights.items()}
        dev_rates = {f"dev/{name}": rate for name, rate in found.rates.items()}
        self.progress.history.append(record | dev_rates | weights)
        self.progress.spells = found.spells
        if found.is_mute:
            self.progress.mute_epoch = self.progress.epoch
        if found.error < self.progress.best_error:
            self.progress.best_error, self.progress.best_epoch = found.error, self.progress.epoch
            self.best = self._copies()
        return found.name, found.error

    def _weights(self) -> dict[str, Tensor]:
        """Return all that may learn, by name."""
        learnable = {id(parameter) for part in self.parts for parameter in part.parameters}
        named = self.bare.named_parameters()
        return {name: p.detach() for name, p in named if id(p) in learnable}

    def _copies(self) -> dict[str, Tensor]:
        return {name: whole(weights).cpu().clone() for name, weights in self._weights().items()}

    def _learning(self, progress: Progress) -> Learning:
        optimiser, precision = self.optimiser.optimizer, self.fabric.strategy.precision
        return Learning(self._weights(), self.best, optimiser, self.schedule, precision, progress)

    def _restore(self) -> bool:
        learning = self._learning(self.progress)
        if not self.checkpoint.restore(learning):
            return False
        self.best, self.progress = learning.best, learning.progress
        if not self._is_first:  # it has the losses of all ranks
            self.progress.loss, self.progress.batches = 0.0, 0
        place = f"step {self.progress.steps} after " if self.progress.steps else ""
        place += f"epoch {self.progress.epoch}"
        self._print(f"going on after {place}, from {self.checkpoint.path}")
        return True

    def _warn(self, what: Callable[[diagnosis.Curve, str, Fit], str | None]) -> None:
        if line := what(self.progress.history, self.section, self.fit):
            self._print(line)

    def _print(self, line: str) -> None:
        if self._is_first and not self.quiet:
            tqdm.write(line, file=sys.stderr)
