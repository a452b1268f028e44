"""What a privately trained head promises: the noise that keeps it, found by Opacus' PRV accountant.

Gopi et al. 2021, https://arxiv.org/abs/2106.02848. Two training sets are neighbours if one has a
unit more. How it is kept, and what is outside of it: `private`.
"""

from dataclasses import dataclass
from pathlib import Path

from voicegraft.model.saved import WEIGHTS
from voicegraft.pipeline.files import read_json, sha256_of
from voicegraft.training.fit import Private

GUARANTEE = "privacy.json"
"""In the folder of a model whose weights have a guarantee, with their hash."""
MISSING = "train_head.private needs Opacus: pip install 'voicegraft[private]'"
FEWEST_UNITS = 50
"""Of fewer, none can hide among the others at any useful ε."""


@dataclass(frozen=True)
class Guarantee:
    """What is promised, and how it is kept."""

    epsilon: float
    delta: float
    unit: str
    units: int
    noise_multiplier: float
    """The noise's deviation, in `clip_norm`."""
    clip_norm: float
    sampling_rate: float
    steps: int


def guarantee(
    private: Private, units: int, sampling_rate: float, steps: int, clip_norm: float
) -> Guarantee:
    """Return the guarantee with the least noise for what is asked.

    Raises:
        ValueError: if there are too few units, or δ is no promise at all.
        RuntimeError: if Opacus is not installed.
    """
    delta = units**-1.1 if private.delta == "auto" else private.delta
    where = f"train_head.private: {units} units of the kind {private.unit!r}"
    if private.delta == "auto" and units < FEWEST_UNITS:
        raise ValueError(
            f"{where}: with fewer than {FEWEST_UNITS}, no guarantee is worth its noise; "
            "train on more, or set unit: utterance"
        )
    if delta >= 1 / units:
        raise ValueError(
            f"{where}: delta must be below {1 / units:.2g}, or one of them may be published "
            f"outright, not {delta:g}"
        )
    try:
        from opacus.accountants.utils import get_noise_multiplier
    except ModuleNotFoundError:
        raise RuntimeError(MISSING) from None
    noise = get_noise_multiplier(
        target_epsilon=private.epsilon,
        target_delta=delta,
        sample_rate=sampling_rate,
        steps=steps,
        accountant="prv",
    )
    spent = epsilon(noise, sampling_rate, steps, delta)
    return Guarantee(spent, delta, private.unit, units, noise, clip_norm, sampling_rate, steps)


def epsilon(noise_multiplier: float, sampling_rate: float, steps: int, delta: float) -> float:
    """Return ε after so many steps."""
    from opacus.accountants import PRVAccountant

    accountant = PRVAccountant()
    accountant.history = [(noise_multiplier, sampling_rate, steps)]
    return float(accountant.get_epsilon(delta=delta))


def promised(model: Path) -> str | None:
    """Return the guarantee of a model's weights in a sentence; None if these have none."""
    if not (model / GUARANTEE).is_file():
        return None
    made = read_json(model / GUARANTEE)
    return in_words(made) if made["of"] == {WEIGHTS: sha256_of(model / WEIGHTS)} else None


def in_words(made: dict[str, float | str]) -> str:
    """Return a guarantee in a sentence."""
    return (
        f"({made['epsilon']:.2f}, {made['delta']:.1e})-differential privacy by {made['unit']}, of "
        f"{made['units']}: noise {made['noise_multiplier']:.2f} × {made['clip_norm']:g} in "
        f"{made['steps']} steps, each of a share of {made['sampling_rate']:.3f} of train"
    )
