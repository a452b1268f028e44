"""Train a head so that no clip, or no voice, shows in its weights: DP-SGD.

Abadi et al. 2016, https://arxiv.org/abs/1607.00133. A step draws each unit with a chance of its own
(Poisson), shortens the gradient of each to `clip_norm`, adds them, and adds Gaussian noise: as much
as `guarantee` finds for the ε that is asked for, and so many steps.

Outside the guarantee: the letters of the head, which are those of train; the number of units; and
whoever looks at dev to choose knobs. So nothing is chosen here: all epochs are trained, and the
last one is kept. The loss on train is not written. Random numbers are the system's, and differ in
every run: noise that follows from a seed in params.yaml is no secret. torch's generator is not
made for cryptography, and floating-point noise has gaps (Mironov 2012,
https://doi.org/10.1145/2382196.2382264).
"""

import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from voicegraft.model.saved import WEIGHTS
from voicegraft.pipeline.files import sha256_of, write_json
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.fit import long_enough, steps_of_epoch
from voicegraft.training.guarantee import GUARANTEE, guarantee, in_words
from voicegraft.training.loop import Trainer
from voicegraft.training.ranks import Turn

Unit = list[Utterance]
Gradient = tuple[Tensor, ...]


def units_of(train: Sequence[Utterance], unit: str) -> list[Unit]:
    """Return each clip alone, or the clips of each speaker.

    Raises:
        ValueError: if it is not known who speaks.
    """
    if unit == "utterance":
        return [[clip] for clip in train]
    nameless = sum(not clip.speaker for clip in train)
    if nameless:
        raise ValueError(
            f"train_head.private.unit: speaker, but of {nameless} clips in train it is not known "
            "who speaks: name them, or set unit: utterance"
        )
    speakers = dict.fromkeys(clip.speaker for clip in train)
    return [[clip for clip in train if clip.speaker == speaker] for speaker in speakers]


def shortened(gradient: Gradient, norm: float) -> Gradient:
    """Return the gradient of a unit, over all weights together no longer than `norm`."""
    length = math.sqrt(sum(float(part.double().square().sum()) for part in gradient))
    if not math.isfinite(length):  # a unit may change nothing, but not everything
        return tuple(torch.zeros_like(part) for part in gradient)
    share = min(1.0, norm / max(length, 1e-12))
    return tuple(part * share for part in gradient)


def from_the_system() -> torch.Generator:
    """Return a generator whose seed nobody knows."""
    return torch.Generator().manual_seed(secrets.randbits(63))


class PrivateTrainer(Trainer):
    """Trains as `Trainer` does, with a guarantee: see above.

    Attributes:
        generator: gives the random numbers of an epoch that have to be secret.
        noise: False shortens the gradients alone, which guarantees nothing.
    """

    generator: Callable[[], torch.Generator] = staticmethod(from_the_system)
    noise: bool = True

    def train(self, corpus: Corpus, checkpoint: Checkpoint, model: Path, curves: Path) -> None:
        """See `Trainer`; the guarantee is written beside the weights."""
        super().train(corpus, checkpoint, model, curves)
        of = {WEIGHTS: sha256_of(model / WEIGHTS)}
        write_json(model / GUARANTEE, asdict(self.guarantee) | {"of": of})
        self._print(in_words(asdict(self.guarantee)))

    def run(
        self,
        train: Sequence[Utterance],
        dev: Sequence[Utterance],
        checkpoint: Checkpoint,
        background: Sequence[Utterance] = (),  # noqa: ARG002 - it is cut from clips of train
    ) -> list[dict[str, float]]:
        """See `Trainer`; of the curve, what was computed from train is left out."""
        if self.fabric.world_size > 1 or self._is_scaled():
            raise ValueError(
                "train_head.private: set compute.devices to 1, and compute.precision to auto, "
                "32-true or bf16-mixed"
            )
        self.units = units_of(train, self.fit.private.unit)
        self.steps = len(steps_of_epoch(train, self.fit, 0))
        steps = self.steps * long_enough(self.fit, self.steps).epochs
        rate, norm = 1 / self.steps, self.fit.clip_norm
        self.guarantee = guarantee(self.fit.private, len(self.units), rate, steps, norm)
        history = super().run(train, dev, checkpoint)
        return [{k: v for k, v in record.items() if k != "train/loss"} for record in history]

    def gradient(self, unit: Unit) -> tuple[Gradient, float]:
        """Return the gradient of a unit, the sum over its clips, and the sum of their losses.

        Clips go through the head one by one: whatever the head is, no clip is in another's.
        """
        losses = [self.gradients.loss([clip]) for clip in unit]
        loss = torch.stack(losses).sum()
        return torch.autograd.grad(loss, self._learning_parameters()), loss.item()

    def _learn(self, epoch: list[Turn]) -> float:  # noqa: ARG002 - units are drawn
        self.model.train()
        secret, losses = self.generator(), []
        title = f"epoch {self.progress.epoch + 1}"
        for _ in tqdm(range(self.steps), title, unit="step", leave=False, disable=self.quiet):
            losses += self._private_step(secret)
        return sum(losses) / len(losses) if losses else math.nan

    def _private_step(self, secret: torch.Generator) -> list[float]:
        """Take one step; return the losses of the units that were drawn."""
        made = self.guarantee
        drawn = torch.rand(len(self.units), generator=secret) < made.sampling_rate
        parameters = self._learning_parameters()
        total = [torch.zeros_like(p) for p in parameters]
        losses = []
        for index in drawn.nonzero().flatten().tolist():
            found, loss = self.gradient(self.units[index])
            losses.append(loss)
            for sum_, part in zip(total, shortened(found, made.clip_norm), strict=True):
                sum_ += part
        deviation = made.noise_multiplier * made.clip_norm * self.noise
        expected = made.sampling_rate * len(self.units)
        for parameter, sum_ in zip(parameters, total, strict=True):
            noise = torch.randn(sum_.shape, generator=secret).to(sum_.device)
            parameter.grad = (sum_ + deviation * noise) / expected
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.schedule.step()
        return losses

    def _learning_parameters(self) -> list[torch.nn.Parameter]:
        return [parameter for part in self.parts for parameter in part.parameters]

    def _is_scaled(self) -> bool:
        return getattr(self.fabric.strategy.precision, "scaler", None) is not None

    def _goes_on(self) -> bool:
        return self.progress.epoch < self.budget.epochs

    def _score(self, dev: Sequence[Utterance], record: dict[str, float]) -> tuple[str, float]:
        found = super()._score(dev, record)
        self.progress.best_epoch, self.best = self.progress.epoch, self._copies()
        return found
