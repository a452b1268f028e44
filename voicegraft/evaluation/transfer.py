"""Transfer gains: a model against controls that were trained alike, without pretraining.

The gain is the share of a control's errors that the model avoids: 1 - CER / CER of the control, or
the same with error rates of classifiers. Its interval is from the paired bootstrap over blocks. Of
several controls, the best on dev is the one to beat; test is not used to choose.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voicegraft.evaluation.blocks import Blocks, choose_blocks
from voicegraft.evaluation.interval import interval
from voicegraft.evaluation.paired import Scored, in_common, rate_of_all, resampled_pair, sure_of
from voicegraft.evaluation.summary import DECIMALS, Evaluate, by_split, rests_on, slices_by
from voicegraft.pipeline.files import reading
from voicegraft.pipeline.tables import read_rows

HELPS, UNSURE, NEGATIVE = "transfer helps", "no evidence", "NEGATIVE TRANSFER"
"""Verdicts on pretraining."""
WHOLE = "whole"
"""The kind of a comparison on all clips of a split, not on a slice."""
RATE_NAMES = {"cer": "CER", "error_rate": "error rate"}
"""Names of the rates that decide verdicts."""


@dataclass(frozen=True)
class Control:
    """A model that was trained alike on an upstream without pretraining."""

    name: str
    dev_rate: float
    """CER, or the error rate of classes."""
    scores: list[Scored]


def judge(model: Sequence[Scored], controls: Sequence[Control], params: Evaluate) -> dict[str, Any]:
    """Return the verdict on a model with its comparisons, for evaluation/transfer.json.

    Values for `dvc metrics diff` have keys; comparisons are a list, which DVC leaves out.

    Args:
        model: scores of each clip of test and unseen.
        controls: scored on the same clips; at least one.
        params: of the bootstrap and of slices.
    """
    comparisons = [line for control in controls for line in _comparisons(model, control, params)]
    rate = judged_by(model)
    on_dev = {c.name: c.dev_rate for c in controls}
    best = min(on_dev, key=lambda name: on_dev[name])
    wholes = {c["split"]: c for c in comparisons if c["control"] == best and c["kind"] == WHOLE}
    first = next(iter(by_split(model)))
    return {
        "verdict": wholes[first]["verdict"],
        "best_control": best,
        "gain": {
            split: {name: whole[rate][name] for name in ("gain", "gain_low", "gain_high")}
            for split, whole in wholes.items()
        },
        f"dev_{rate}": on_dev,
        "comparisons": comparisons,
    }


def judged_by(scores: Sequence[Scored]) -> str:
    """Return the rate that decides verdicts on these scores."""
    return next(iter(scores[0].RATES))


def verdict_lines(verdicts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line for each model and control, and for each slice where the best control wins."""
    return [
        f"{model} against {line['control']}, {line['split']}{_slice(line)}: {_in_words(line)}"
        for model, found in verdicts.items()
        for line in found["comparisons"]
        if line["kind"] == WHOLE
        or (line["control"] == found["best_control"] and line["verdict"] == NEGATIVE)
    ]


def _slice(line: Mapping[str, Any]) -> str:
    return "" if line["kind"] == WHOLE else f", {line['kind']} {line['slice']}"


def _in_words(part: Mapping[str, Any]) -> str:
    rate = next(name for name in RATE_NAMES if name in part)
    found, loud = part[rate], "  !!!" if part["verdict"] == NEGATIVE else ""
    percent = [round(100 * found[key]) for key in ("gain", "gain_low", "gain_high")]
    change, low, high = percent if percent[0] >= 0 else (-percent[0], -percent[2], -percent[1])
    return (
        f"{part['verdict']}: {RATE_NAMES[rate]} {found['model']:.3f}, not {found['control']:.3f}, "
        f"{change} % {'fewer' if percent[0] >= 0 else 'more'} errors ({low} to {high}){loud}"
    )


def _comparisons(
    model: Sequence[Scored], control: Control, params: Evaluate
) -> Iterator[dict[str, Any]]:
    for split, mine in by_split(model).items():
        names = {"control": control.name, "split": split}
        yield names | {"kind": WHOLE, "slice": ""} | gain(mine, control, params)
        yield from (names | line for line in _slices(mine, control, params))


def _slices(
    model: Sequence[Scored], control: Control, params: Evaluate
) -> Iterator[dict[str, Any]]:
    """Yield a line for each slice; intervals are separate, verdicts are corrected (Holm)."""
    groups = {
        (kind, name): group
        for kind, of_kind in slices_by(params, model).items()
        for name, group in of_kind.items()
    }

    def sure_at(key: tuple[str, str], confidence: float) -> bool:
        at = params.model_copy(update={"confidence": confidence})
        return gain(groups[key], control, at)["verdict"] != UNSURE

    sure = sure_of(groups, sure_at, params.confidence)
    for (kind, name), group in groups.items():
        line = {"kind": kind, "slice": name} | gain(group, control, params)
        yield line if (kind, name) in sure else line | {"verdict": UNSURE}


def gain(model: Sequence[Scored], control: Control, params: Evaluate) -> dict[str, Any]:
    """Return the gain in each rate over the clips of `model`, and the verdict by the first rate.

    Raises:
        ValueError: if the control was not scored on all clips.
    """
    theirs, mine = in_common(control.scores, model)
    if len(mine) < len(model):
        raise ValueError(
            f"the control was scored on {len(mine)} of {len(model)} clips: evaluate both again"
        )
    blocks = choose_blocks(mine)
    rates = {metric: _gain(mine, theirs, metric, blocks, params) for metric in model[0].RATES}
    return {
        **rates,
        "clips": len(mine),
        **rests_on(blocks),
        "verdict": _verdict(rates[judged_by(model)]),
    }


def _gain(
    model: Sequence[Scored],
    control: Sequence[Scored],
    metric: str,
    blocks: Blocks,
    params: Evaluate,
) -> dict[str, float]:
    theirs, mine = resampled_pair(control, model, metric, blocks, params)
    their_whole, mine_whole = (rate_of_all(scores, metric) for scores in (control, model))
    # A control without errors counts as having one.
    fewest = 1 / max(1, sum(getattr(s, s.RATES[metric][1]) for s in model))
    whole = (their_whole - mine_whole) / max(their_whole, fewest)
    gains = (theirs - mine) / np.maximum(theirs, fewest)
    low, high = interval(whole, gains, blocks, params.confidence)
    found = {
        "gain": whole,
        "gain_low": low,
        "gain_high": min(high, 1.0),  # at most all errors can be avoided
        "model": mine_whole,
        "control": their_whole,
    }
    return {name: round(value, DECIMALS) for name, value in found.items()}


def _verdict(gain: Mapping[str, float]) -> str:
    if gain["gain_low"] > 0:
        return HELPS
    if gain["gain_high"] < 0:
        return NEGATIVE
    return UNSURE


def read_dev_cer(folder: Path) -> list[float]:
    """Return CER on dev by epoch, from the curves in `folder`; the first is before training."""
    path = folder / "plots" / "metrics" / "dev" / "cer.tsv"
    rows = read_rows(path, delimiter="\t")
    with reading(path):
        return [float(row["cer"]) for row in rows]
