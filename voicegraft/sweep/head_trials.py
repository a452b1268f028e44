"""Heads trained for a few epochs on stored states: the trials of `voicegraft suggest`."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from voicegraft.embedding.store import Store
from voicegraft.model import head as heads
from voicegraft.model.head import HeadChoice
from voicegraft.speech.manifest import Corpus
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit
from voicegraft.training.head import graft, head_trainer
from voicegraft.training.inputs import learnable

LR_FACTORS = (1.0, 0.5, 2.0)


@dataclass(frozen=True)
class HeadSetting:
    """A head, layer and learning rate to try."""

    name: str
    layer: int
    lr: float

    @property
    def choice(self) -> HeadChoice:
        """The setting without the learning rate."""
        return HeadChoice(name=self.name, layer=self.layer)

    def lines(self) -> str:
        """Return the lines for params.yaml."""
        return (
            f"head:\n  name: {self.name}\n  layer: {self.layer}\ntrain_head:\n  lr: {self.lr:.3g}"
        )


def settings(choice: HeadChoice, fit: Fit, store: Store) -> list[HeadSetting]:
    """Return all settings that the store allows; that of params.yaml comes first if possible."""
    now = HeadSetting(choice.name, choice.layer, fit.lr)
    layers = sorted(store.facts["layers"], reverse=True)
    found = [
        HeadSetting(name, layer, fit.lr * factor)
        for factor, name, layer in product(LR_FACTORS, heads.names(), layers)
    ]
    return sorted(found, key=lambda setting: setting != now)


class HeadTrials:
    """Trains heads on train, and scores them on dev; test is not used."""

    def __init__(self, upstream: Path, corpus: Corpus, store: Store, fit: Fit, compute: Compute):
        self.upstream, self.corpus, self.store = upstream, corpus, store
        self.fit, self.compute = fit, compute

    def __call__(self, setting: HeadSetting, epochs: int) -> float:
        """Return the best CER on dev in `epochs` epochs."""
        changes = {"lr": setting.lr, "epochs": epochs, "patience": epochs}
        fit = self.fit.model_copy(update=changes)
        train, dev = (self.corpus.of(side) for side in ("train", "dev"))
        model = graft(setting.layer, setting.choice, self.store, train, self.upstream, fit.seed)
        trainer = head_trainer(model, self.store, fit, self.compute, quiet=True)
        sides = [learnable(side, trainer.inputs, trainer.bare) for side in (train, dev)]
        with tempfile.TemporaryDirectory() as scratch:
            history = trainer.run(*sides, Checkpoint(Path(scratch) / "run"))
        return min(record["dev/cer"] for record in history)

    def seconds_an_epoch(self, tried: Sequence[HeadSetting]) -> float:
        """Return the time of one epoch, measured with the first setting."""
        began = time.monotonic()
        self(tried[0], 1)
        return time.monotonic() - began
