"""Train what is unfrozen, score dev after each epoch, keep the best, stop when it stops helping."""

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from tqdm import tqdm

from voicegraft.model.batches import Padded, join
from voicegraft.model.grafted import GraftedModel, save_model
from voicegraft.speech.manifest import BACKGROUND, Corpus, Utterance
from voicegraft.training import diagnosis
from voicegraft.training.checkpoint import Checkpoint, Learning, Progress
from voicegraft.training.compute import attention_kernels
from voicegraft.training.fit import (
    Fit,
    batches_in_order,
    batches_of_epoch,
    long_enough,
    steps_of_epoch,
    with_background,
)
from voicegraft.training.inputs import Inputs, learnable, learnable_side
from voicegraft.training.records import write_curves
from voicegraft.training.schedule import Part, optimiser, take_step, unfreeze, warm_up_and_decay

if TYPE_CHECKING:
    from lightning_fabric import Fabric

SPELT = 1 / 3
"""Share of dev's letters: a head that writes fewer has not begun to spell. A linear head on Yoruba
writes a tenth of them for epochs, after a first one of noise that no CER of those is below."""


class Trainer:
    """One run: a model, what it is fed, and what of it may learn.

    Epoch 0 is the model as it came: fine-tuning that never beats the trained head leaves it as it
    was. Every epoch seeds torch by its own number, so a run that was killed goes on to the same
    bytes as one that was not.

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
        self.parts, self.fit, self.quiet, self.section = parts, fit, quiet, section
        self.attention_weight = attention_weight
        scaled = getattr(fabric.strategy.precision, "scaler", None) is not None
        adamw = optimiser(parts, fit.weight_decay, fabric.device, scaled)
        self.model, self.optimiser = fabric.setup(model, adamw)
        self.progress = Progress()
        self.best = self._copies()

    def train(self, corpus: Corpus, checkpoint: Checkpoint, model: Path, curves: Path) -> None:
        """Train on the corpus, and write the best model and its curves.

        Raises:
            ValueError: if a side of the corpus has no clip that can be learnt from.
        """
        sides = (learnable_side(corpus, s, self.inputs, self.bare) for s in ("train", "dev"))
        background = learnable(corpus.of(BACKGROUND), self.inputs, self.bare)
        history = self.run(*sides, checkpoint, background)
        if self.fabric.is_global_zero:
            save_model(self.bare, model)
            write_curves(history, curves)
            checkpoint.discard()

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
        devices = self.fabric.world_size
        heard = with_background(train, background, 0)
        self.budget = long_enough(self.fit, heard, devices)
        times = self.budget.epochs / self.fit.epochs
        self.parts = [replace(p, first_epoch=round(p.first_epoch * times)) for p in self.parts]
        steps = steps_of_epoch(heard, self.fit, devices)
        self.schedule = warm_up_and_decay(
            self.optimiser, self.parts, steps, self.budget.epochs, self.fit.warmup_share
        )
        if not self._restore(checkpoint):
            self._score(dev, {"step": 0})
        while self._goes_on():
            self._epoch(with_background(train, background, self.progress.epoch), dev)
            self._warn(diagnosis.after_epoch)
            if self.fabric.is_global_zero:
                checkpoint.save(self._learning())
        self._warn(diagnosis.at_end)
        self.bare.load_state_dict(self.best, strict=False)
        return self.progress.history

    def _goes_on(self) -> bool:
        progress, last_unfreezing = self.progress, max(part.first_epoch for part in self.parts)
        since = max(progress.best_epoch, progress.mute_epoch, last_unfreezing)
        budget = self.budget
        return progress.epoch < budget.epochs and progress.epoch - since < budget.patience

    def _epoch(self, train: Sequence[Utterance], dev: Sequence[Utterance]) -> None:
        epoch, began = self.progress.epoch, time.monotonic()
        learning = unfreeze(self.bare, self.parts, epoch)
        torch.manual_seed(self.fit.epoch_seed(epoch))
        loss = self._learn(batches_of_epoch(train, self.fit, epoch))
        seconds = time.monotonic() - began
        self.progress.epoch += 1
        name, error = self._score(dev, {"step": self.progress.epoch, "train/loss": loss})
        speed = sum(u.seconds for u in train) / seconds
        self._print(
            f"epoch {self.progress.epoch}/{self.budget.epochs}: loss {loss:.3f}, "
            f"dev {name.upper()} {error:.4f}, {seconds:.0f} s "
            f"({speed:.0f} × real time), learning: {', '.join(learning)}"
        )

    def _learn(self, batches: list[list[Utterance]]) -> float:
        """Take every batch once, each device its share; return the mean loss that was finite."""
        self.model.train()
        world = self.fabric.world_size
        mine = batches[self.fabric.global_rank :: world][: len(batches) // world]
        title = f"epoch {self.progress.epoch + 1}"
        bar = tqdm(mine, title, unit="batch", leave=False, disable=self.quiet)
        finite: list[float] = []
        for number, batch in enumerate(bar, 1):
            last = number % self.fit.accumulate == 0 or number == len(mine)
            waits = self.fabric.no_backward_sync(self.model, enabled=not last)
            with waits, attention_kernels(self.fabric.device):
                loss = self._loss(batch)
                self.fabric.backward(loss / self.fit.accumulate)
            if last:
                self._step()
            finite += [value] if math.isfinite(value := loss.item()) else []
            bar.set_postfix(loss=f"{value:.2f}")
        return sum(finite) / len(finite) if finite else math.nan

    def _step(self) -> None:
        run = self.fabric, self.model, self.optimiser, self.schedule
        if not take_step(*run, self.fit.clip_norm):
            raise ValueError(diagnosis.diverged(self.progress.epoch + 1, self.section, self.fit))

    def _loss(self, batch: Sequence[Utterance]) -> Tensor:
        clips = [self.inputs.augmented(utterance) for utterance in batch]
        if not self.attention_weight:
            return self.bare.objective.loss(self._emissions(self.model, clips), batch)
        joined, texts = join(clips), [utterance.text for utterance in batch]
        values = self.fabric.to_device(joined.values)
        *found, loss = self.model(values, joined.lengths, self.inputs.start, texts)
        if self.attention_weight == 1:
            return loss
        own = self.bare.objective.loss(Padded(*found), batch)
        return self.attention_weight * loss + (1 - self.attention_weight) * own.to(loss.device)

    def _emissions(self, model: nn.Module, clips: Sequence[Tensor]) -> Padded:
        joined = join(clips)
        values = self.fabric.to_device(joined.values)
        return Padded(*model(values, joined.lengths, self.inputs.start))

    @torch.no_grad()
    def emissions(self, utterances: Sequence[Utterance]) -> Iterator[tuple[Utterance, Tensor]]:
        """Yield each with its log-probabilities (frames, labels), the shortest first.

        By the states it is trained on.
        """
        self.bare.eval()
        for batch in batches_in_order(utterances, self.fit.batch_seconds):
            emissions = self._emissions(self.bare, [self.inputs(u) for u in batch]).clips()
            yield from zip(batch, emissions, strict=True)

    def predict(self, utterances: Sequence[Utterance]) -> list[str]:
        """Return the prediction for each of `utterances`, from the states it is trained on."""
        decoded = {u.id: self.bare.decode(emission) for u, emission in self.emissions(utterances)}
        return [decoded[utterance.id] for utterance in utterances]

    @torch.no_grad()
    def written(self, utterances: Sequence[Utterance]) -> list[str]:
        """Return what the attention decoder alone writes for each of `utterances`, greedily."""
        self.bare.eval()
        found: dict[str, str] = {}
        for batch in batches_in_order(utterances, self.fit.batch_seconds):
            joined = join([self.inputs(u) for u in batch])
            values = self.fabric.to_device(joined.values)
            states = self.bare.head_input(values, joined.lengths, self.inputs.start)
            texts = self.bare.attention.greedy(states)
            found |= {u.id: text for u, text in zip(batch, texts, strict=True)}
        return [found[utterance.id] for utterance in utterances]

    def _score(self, dev: Sequence[Utterance], record: dict[str, float]) -> tuple[str, float]:
        """Add dev's rates to the history, keep the best weights, and return the rate that counts.

        In full precision, so that fine-tuning on states in full precision begins at the very score
        of the trained head, and on others within their error.
        """
        predictions = self.predict(dev)
        rates = self.bare.objective.rates(dev, predictions)
        weights = {f"layer/{k}": weight for k, weight in self.bare.layer_weights.items()}
        dev_rates = {f"dev/{name}": rate for name, rate in rates.items()}
        self.progress.history.append(record | dev_rates | weights)
        if sum(map(len, predictions)) < SPELT * sum(len(clip.text) for clip in dev):
            self.progress.mute_epoch = self.progress.epoch
        name, error = next(iter(rates.items()))
        if weight := self.attention_weight:
            own = self.bare.objective.rates(dev, self.written(dev))
            self.progress.history[-1] |= {f"dev/attention_{k}": rate for k, rate in own.items()}
            error = weight * own[name] + (1 - weight) * error
        if error < self.progress.best_error:
            self.progress.best_error, self.progress.best_epoch = error, self.progress.epoch
            self.best = self._copies()
        return name, error

    def _weights(self) -> dict[str, Tensor]:
        """Return all that may learn, by name."""
        learnable = {id(parameter) for part in self.parts for parameter in part.parameters}
        named = self.bare.named_parameters()
        return {name: p.detach() for name, p in named if id(p) in learnable}

    def _copies(self) -> dict[str, Tensor]:
        return {name: weights.cpu().clone() for name, weights in self._weights().items()}

    def _learning(self) -> Learning:
        optimiser, precision = self.optimiser.optimizer, self.fabric.strategy.precision
        state = optimiser, self.schedule, precision, self.progress
        return Learning(self._weights(), self.best, *state)

    def _restore(self, checkpoint: Checkpoint) -> bool:
        learning = self._learning()
        if not checkpoint.restore(learning):
            return False
        self.best, self.progress = learning.best, learning.progress
        self._print(f"going on after epoch {self.progress.epoch}, from {checkpoint.path}")
        return True

    def _warn(self, what: Callable[[diagnosis.Curve, str, Fit], str | None]) -> None:
        if line := what(self.progress.history, self.section, self.fit):
            self._print(line)

    def _print(self, line: str) -> None:
        if self.fabric.is_global_zero and not self.quiet:
            tqdm.write(line, file=sys.stderr)
