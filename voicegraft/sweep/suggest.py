"""Successive halving: try many settings briefly, then the better half for twice as long.

Jamieson and Talwalkar 2016, https://arxiv.org/abs/1502.07943. Each round costs the same, so little
time is spent on bad settings, and most of it on the few best. It searches for a head, a layer and a
learning rate within a given time, on stored states alone.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from voicegraft.embedding.store import Store
from voicegraft.model.head import HeadChoice
from voicegraft.pipeline.params import load_params
from voicegraft.review.markdown import table
from voicegraft.speech.manifest import Corpus
from voicegraft.sweep.head_trials import HeadSetting, HeadTrials, settings
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit

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
