"""Successive halving: try many settings briefly, then the better half for twice as long.

Jamieson and Talwalkar 2016, https://arxiv.org/abs/1502.07943. Each round costs the same, so little
time is spent on bad settings, and most of it on the few best. It searches for a head, a layer and a
learning rate within a given time: a trial trains a head for a few epochs on stored states.
"""

import math
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Generic, TypeVar

from voicegraft.embedding.store import Store
from voicegraft.model import head as heads
from voicegraft.model.head import HeadChoice
from voicegraft.pipeline.params import load_params
from voicegraft.review.markdown import table
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
        changes = {"lr": setting.lr, "epochs": epochs, "patience": epochs, "min_steps": 0}
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


Setting = TypeVar("Setting")


@dataclass(frozen=True)
class Tried(Generic[Setting]):
    """A setting with its number of epochs and its CER."""

    setting: Setting
    epochs: int
    cer: float


def rounds(settings: int) -> int:
    """Return the number of rounds until one of `settings` is left; at least one."""
    return max(1, math.ceil(math.log2(settings)))


def halve(
    settings: Sequence[Setting], trial: Callable[[Setting, int], float], epochs: int
) -> Iterator[list[Tried[Setting]]]:
    """Yield each round's results, the best first; the first of the last round is the best setting.

    Args:
        settings: one or more.
        trial: trains a setting from scratch for a number of epochs, and returns its error rate.
        epochs: of the first round.
    """
    for number in range(rounds(len(settings))):
        long = epochs * 2**number
        tried = [Tried(setting, long, trial(setting, long)) for setting in settings]
        tried.sort(key=lambda one: one.cer)
        yield tried
        settings = [one.setting for one in tried[: math.ceil(len(tried) / 2)]]


FEWEST_EPOCHS = 3
"""CTC emits only blanks at first: before the third epoch, curves say little about the final
error."""


def suggest(root: Path, seconds: float) -> Iterator[list[Tried[HeadSetting]]]:
    """Yield the rounds of a search that takes about `seconds`, for the project at `root`.

    The number of settings is limited by the time for three epochs each; that of params.yaml is
    included. With more time, first more settings are tried, and then each for longer.

    Raises:
        ValueError: if there is no store.
    """
    params = root / "params.yaml"
    choice, fit = load_params(HeadChoice, "head", params), load_params(Fit, "train_head", params)
    embeddings = root / "data" / "embeddings"
    if not (embeddings / "store.json").is_file():
        raise ValueError(f"{embeddings} is not here: run `dvc repro extract_embeddings` first")
    store = Store(embeddings)
    trial = HeadTrials(
        root / "models" / "upstream",
        Corpus(root / "data" / "corpus"),
        store,
        fit,
        load_params(Compute, "compute", params),
    )
    possible = settings(choice, fit, store)
    pace = trial.seconds_an_epoch(possible)
    tried = affordable(possible, seconds / pace, fit.seed)
    epochs = int(seconds / pace / len(tried) / rounds(len(tried)))
    return halve(tried, trial, max(FEWEST_EPOCHS, epochs))


def affordable(possible: Sequence[HeadSetting], epochs: float, seed: int) -> list[HeadSetting]:
    """Return the first of `possible`, and as many random others as `epochs` allow."""
    count = max(
        (n for n in range(2, len(possible) + 1) if n * rounds(n) * FEWEST_EPOCHS <= epochs),
        default=min(2, len(possible)),
    )
    return [possible[0], *random.Random(seed).sample(possible[1:], count - 1)]


def rendered(results: Sequence[Tried[HeadSetting]]) -> str:
    """Return a round as a Markdown table; rates in per cent."""
    rows = [
        (t.setting.name, t.setting.layer, f"{t.setting.lr:.3g}", t.epochs, f"{100 * t.cer:.1f}")
        for t in results
    ]
    return table(("head.name", "head.layer", "train_head.lr", "epochs", "dev CER"), rows)
