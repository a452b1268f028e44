"""Diagnosis of training problems from data and curves: one line each, with the knob to change.

CTC emits only blanks at first, for hundreds of steps on little data, and a new head's first error
rate is that of noise. Neither is a problem unless the run ends so, or the learning rate is out of
range.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from voicegraft.speech.manifest import Utterance
from voicegraft.training.fit import Fit

Curve = Sequence[Mapping[str, float]]
"""A record for each epoch; the first is of the model as it came."""

LEARNT = 0.9
"""An error rate below it is not that of noise."""
RATES = (1e-5, 1e-2)
"""Learning rates beyond these are rarely of use."""
SOON, WAIT = 2, 5
"""Epochs after which it shows that rates are too high for a trained head, or of no use to any."""
RISE = 0.02
"""Of the error rate: less may be luck, on few clips of dev."""
TURNED = 1.05
"""Times the least loss: one that has come back from there is no longer falling."""
MANY = 0.1
"""Of a side's clips: fewer that cannot be learnt from are what a corpus of rough data has."""
KNOWN = 0.95
"""Of the letters of a side, less is more than some rare ones."""


def diverged(epoch: int, section: str, fit: Fit) -> str:
    """Return a message that loss or gradients are not finite."""
    return (
        f"epoch {epoch}: the loss or its gradient is not finite: lower {_rate(section, fit)}, or "
        f"set compute.precision to 32-true if that is of 16 bits"
    )


def left_out(side: str, count: int, of: int, why: str, remedy: str) -> str:
    """Return a message on clips of a split that cannot be learnt from, with a remedy if many."""
    line = f"{side}: {count} of {of} clips {why}"
    return f"{line}: {remedy}" if count > MANY * of else line


def unknown_letters(side: str, clips: Sequence[Utterance], labels: Sequence[str]) -> str | None:
    """Return a message if `labels` do not cover the letters of a split; else None."""
    letters = Counter(letter for clip in clips for letter in clip.text if letter != " ")
    unknown = Counter({letter: n for letter, n in letters.items() if letter not in labels})
    if unknown.total() <= (1 - KNOWN) * letters.total():
        return None
    most = ", ".join(f"{letter!r}" for letter, _ in unknown.most_common(5))
    return (
        f"{side}: the model has no label for {unknown.total() / letters.total():.0%} of the letters"
        f" ({most} …): see prepare_data.text, and whether train is of the same language"
    )


def after_epoch(curve: Curve, section: str, fit: Fit) -> str | None:
    """Return a message at the epoch at which a problem can be detected; else None.

    Args:
        curve: as far as it goes.
        section: of params.yaml, where `fit` stands.
        fit: the knobs.
    """
    epoch = len(curve) - 1
    if epoch == SOON and _worse(curve, fit):
        return f"{_change(curve)} in {SOON} epochs: lower {_rate(section, fit)}"
    if epoch == WAIT and not RATES[0] <= fit.lr <= RATES[1]:
        return _nothing_learnt(curve, section, fit)
    return None


def at_end(curve: Curve, section: str, fit: Fit) -> str | None:
    """Return a message on a problem of the whole curve, if none was returned before; else None."""
    before = [after_epoch(curve[: n + 1], section, fit) for n in range(1, len(curve))]
    if any(before):
        return None
    if _worse(curve, fit):
        return f"{_change(curve)}, and no epoch was better: lower {_rate(section, fit)}"
    return _nothing_learnt(curve, section, fit)


def _errors(curve: Curve) -> list[float]:
    return [record[_metric(curve)] for record in curve]


def _metric(curve: Curve) -> str:
    return next(key for key in curve[0] if key.startswith("dev/"))


def _new(curve: Curve, fit: Fit) -> bool:
    """Return whether the head was new: a recipe starts from a trained one, which may be poor."""
    return not hasattr(fit, "upstream_lr") or _errors(curve)[0] >= LEARNT


def _worse(curve: Curve, fit: Fit) -> bool:
    """Return whether a trained head has known less ever since."""
    first, *later = _errors(curve)
    return bool(later) and not _new(curve, fit) and min(later) > first + RISE


def _change(curve: Curve) -> str:
    first, *_, last = _errors(curve)
    return f"{_name(curve)} went from {first:.3f} to {last:.3f}"


def _name(curve: Curve) -> str:
    return f"dev {_metric(curve).removeprefix('dev/').upper()}"


def _nothing_learnt(curve: Curve, section: str, fit: Fit) -> str | None:
    first, *later = _errors(curve)
    if not later or not _new(curve, fit) or min(later) < min(first, LEARNT) or first == 0:
        return None
    # With empty predictions, the CER is exactly 1.
    mute = _metric(curve) == "dev/cer" and later[-1] == 1
    what = "the head emits only blanks" if mute else f"{_name(curve)} is {later[-1]:.3f}"
    return f"after {len(later)} epochs {what}: {_faster_or_slower(curve, section, fit)}"


def _faster_or_slower(curve: Curve, section: str, fit: Fit) -> str:
    losses = [record["train/loss"] for record in curve[1:]]
    if fit.lr < RATES[0]:
        return f"raise {section}.lr ({fit.lr:g})"
    if fit.lr > RATES[1] or losses[-1] > TURNED * min(losses):
        return f"lower {section}.lr ({fit.lr:g})"
    if len(losses) > fit.epochs:
        return f"raise {section}.min_steps ({fit.min_steps})"
    return f"raise {section}.epochs ({fit.epochs}), or lower batch_seconds ({fit.batch_seconds:g})"


def _rate(section: str, fit: Fit) -> str:
    """Return the knob of the highest rate of what is unfrozen, or of the head, with its value."""
    knob = "upstream_lr" if hasattr(fit, "upstream_lr") else "lr"
    return f"{section}.{knob} ({getattr(fit, knob):g})"
