"""Calibration of `voicegraft compare`: its verdicts on pairs of runs with a known difference.

    python -m benchmarks.calibration evaluation

Reads   EVALUATION, with seeds/head/utterances.csv: `dvc repro studies/dvc.yaml:seed_noise`
Writes  benchmarks/results.json, its part `calibration`
Knobs   evaluate

Test sets are made by drawing whole sessions with replacement. Of two heads that differ by their
seed alone, compare should find a difference in one case of twenty at most; it should find one of
them better with a tenth of its edits undone. The seed is part of the luck in both.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import keep
from voicegraft.evaluation.paired import difference
from voicegraft.evaluation.scores import Score, parse_score
from voicegraft.evaluation.summary import Evaluate
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params

Pair = tuple[list[Score], list[Score]]
PLANTED = 0.1
VERDICTS = ("worse", "indistinguishable", "better")
HEADER = """\
| two heads that differ by | worse | indistinguishable | better |
|---|---|---|---|
"""


def scores_by_seed(path: Path) -> list[list[Score]]:
    """Return the errors on test for each seed."""
    by_seed: dict[str, list[Score]] = {}
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            by_seed.setdefault(row.pop("seed"), []).append(parse_score(row))
    return list(by_seed.values())


def resampled(pair: Pair, rng: np.random.Generator) -> Pair:
    """Return both on the same new test set, of sessions drawn with replacement."""
    sessions = sorted({s.session for s in pair[0]})
    drawn = rng.integers(len(sessions), size=len(sessions))
    return tuple(
        [
            replace(s, id=f"{copy}/{s.id}", session=f"{copy}/{s.session}")
            for copy, number in enumerate(drawn)
            for s in scores
            if s.session == sessions[number]
        ]
        for scores in pair
    )


def better(scores: Sequence[Score], share: float, rng: np.random.Generator) -> list[Score]:
    """Return the scores with about that share of the edits undone, clip by clip."""
    return [
        replace(s, character_edits=int(rng.binomial(s.character_edits, 1 - share))) for s in scores
    ]


def pairs(seeds: Sequence[list[Score]], count: int, rng: np.random.Generator) -> Iterator[Pair]:
    """Yield so many pairs of runs that differ by their seed, each on a test set of its own."""
    every = list(combinations(seeds, 2))
    for number in range(count):
        yield resampled(every[number % len(every)], rng)


def verdicts(
    found: Sequence[Pair], params: Evaluate, noise: dict[str, Any] | None = None
) -> dict[str, float]:
    """Return the share of each verdict on CER, with or without what is known of seeds."""
    counts = Counter(difference(*pair, "cer", params, noise).verdict for pair in found)
    return {verdict: count / len(found) for verdict, count in counts.items()}


def table(measured: dict[str, Any]) -> str:
    """Return a row for each kind of pair."""
    found = measured.get("calibration", {}).get("measured", {}).get("verdicts", {})
    rows = [
        f"| {name} | " + " | ".join(f"{shares.get(v, 0):.1%}" for v in VERDICTS) + " |\n"
        for name, shares in found.items()
    ]
    return HEADER + "".join(rows)


def main(evaluation: Path, count: int = 400) -> None:
    params, rng = load_params(Evaluate, "evaluate"), np.random.default_rng(1)
    seeds = scores_by_seed(evaluation / "seeds" / "head" / "utterances.csv")
    by_seed = list(pairs(seeds, count, rng))
    same = [(old, better(old, PLANTED, rng)) for old, _ in by_seed]
    other = [(old, better(new, PLANTED, rng)) for old, new in by_seed]
    noise = json.loads((evaluation / "seeds" / "head" / "metrics.json").read_text())
    found = {
        "their seed, which compare does not know": verdicts(by_seed, params),
        "their seed": verdicts(by_seed, params, noise),
        "a tenth fewer errors": verdicts(same, params, noise),
        "a tenth fewer errors, and their seed": verdicts(other, params, noise),
    }
    keep("calibration", {"pairs": count, "seeds": len(seeds), "verdicts": found})


if __name__ == "__main__":
    run_stage(main)
