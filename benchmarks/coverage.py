"""Coverage of intervals, on simulated corpora with a known true rate.

    python -m benchmarks.coverage

Reads   the section `evaluate` of params.yaml
Writes  benchmarks/results.json, its part `coverage`

Speakers and sessions err more or less than others, each by a factor e^x with x drawn from a normal
distribution. A corpus is drawn many times, and the interval that `evaluate` would print is asked
whether it holds the CER of all speakers and sessions. Beside it stands the interval by sessions
alone, or by single clips where there are none.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from benchmarks.results import keep
from voicegraft.evaluation.blocks import Blocks, choose_blocks
from voicegraft.evaluation.interval import rate_interval, resampled_rates
from voicegraft.evaluation.summary import Evaluate
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params

CER, CHARACTERS = 0.2, 30
HEADER = """\
| speakers and sessions of a test set | clips | nominal | found | width | by sessions or clips |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Clip:
    """A clip by the names of what it shares with others."""

    id: str
    speaker: str
    session: str


@dataclass(frozen=True)
class Plan:
    """How test sets are drawn: sessions of each speaker alone, or that all share."""

    speakers: int
    sessions: int
    nested: bool
    clips: int
    skew: float = 0.0
    """Standard deviation of the logarithm of each speaker's amount of speech."""
    by_speaker: float = 0.4
    by_session: float = 0.2

    def draw(self, rng: np.random.Generator) -> tuple[list[Clip], np.ndarray]:
        """Return clips and the edits of each, (clips,)."""
        share = np.exp(rng.normal(0, self.skew, self.speakers))
        speaker = rng.choice(self.speakers, self.clips, p=share / share.sum())
        session = rng.integers(max(1, self.sessions), size=self.clips)
        if self.nested:
            session += speaker * self.sessions
        factors = [
            np.exp(rng.normal(-(deviation**2) / 2, deviation, names.max() + 1))[names]
            for names, deviation in ((speaker, self.by_speaker), (session, self.by_session))
        ]
        edits = rng.poisson(CER * CHARACTERS * factors[0] * factors[1])
        named = [f"day {name}" if self.sessions else "" for name in session]
        names = zip(speaker, named, strict=True)
        return [Clip(str(i), f"voice {v}", day) for i, (v, day) in enumerate(names)], edits


PLANS = {
    "10 speakers of 10 sessions each": Plan(10, 10, True, 400),
    "8 speakers of 10 sessions each": Plan(8, 10, True, 400),
    "12 speakers of 10 sessions, some say far more": Plan(12, 10, True, 400, skew=1.0),
    "8 speakers of 10 sessions, some say far more": Plan(8, 10, True, 400, skew=1.0),
    "30 speakers, sessions unknown": Plan(30, 0, False, 400, by_session=0.0),
    "10 speakers in the same 10 sessions": Plan(10, 10, False, 400, by_session=0.4),
    "8 speakers in the same 30 sessions": Plan(8, 30, False, 400),
    "23 speakers in some of 27 sessions, some say far more": Plan(
        23, 27, False, 60, skew=1.0, by_session=0.4
    ),
    "4 speakers, sessions unknown": Plan(4, 0, False, 400, by_session=0.0),
    "4 speakers of 10 sessions each": Plan(4, 10, True, 400),
    "2 speakers of 10 sessions each": Plan(2, 10, True, 400),
    "2 speakers alike in the same 13 sessions": Plan(2, 13, False, 213, by_speaker=0.1),
    "2 speakers in the same 13 sessions": Plan(2, 13, False, 213),
    "4 speakers in the same 5 sessions": Plan(4, 5, False, 200),
}


def finest(clips: Sequence[Clip]) -> Blocks:
    """Return sessions as blocks, or single clips where there are none."""
    return Blocks("session", (tuple(clip.session or clip.id for clip in clips),))


def tried(plan: Plan, params: Evaluate, seed: int) -> tuple[bool, bool, float, bool]:
    """Return whether the interval holds the truth, and that by sessions; its width; if rough."""
    clips, edits = plan.draw(np.random.default_rng(seed))
    length = np.full(len(edits), CHARACTERS)
    chosen = choose_blocks(clips)
    held, widths = [], []
    for blocks in (chosen, finest(clips)):
        drawn = resampled_rates(edits, length, blocks, params.resamples, params.seed)
        value = edits.sum() / length.sum()
        low, high = rate_interval(value, drawn, blocks, params.confidence)
        held.append(low <= CER <= high)
        widths.append(high - low)
    return *held, widths[0], chosen.rough


def coverage(plan: Plan, params: Evaluate, corpora: int) -> dict[str, Any]:
    """Return how often intervals hold the truth, over so many test sets."""
    jobs = (delayed(tried)(plan, params, seed) for seed in range(corpora))
    held, by_session, widths, rough = zip(*Parallel(n_jobs=-1)(jobs), strict=True)
    return {
        "plan": asdict(plan),
        "held": float(np.mean(held)),
        "held_by_session": float(np.mean(by_session)),
        "width": float(np.median(widths)),
        "rough": float(np.mean(rough)),
    }


def table(measured: dict[str, Any]) -> str:
    """Return a row for each plan."""
    part = measured.get("coverage", {}).get("measured", {})
    return HEADER + "".join(_row(name, part[name]) for name in PLANS if name in part)


def _row(name: str, found: dict[str, Any]) -> str:
    nominal = "95 %, rough" if found["rough"] > 0.5 else "95 %"
    return (
        f"| {name} | {found['plan']['clips']} | {nominal} | {found['held']:.1%} | "
        f"{100 * found['width']:.1f} | {found['held_by_session']:.1%} |\n"
    )


def main(corpora: int = 1_000, resamples: int = 1_000) -> None:
    params = load_params(Evaluate, "evaluate").model_copy(update={"resamples": resamples})
    keep(
        "coverage",
        {
            "corpora": corpora,
            **{name: coverage(plan, params, corpora) for name, plan in tqdm(PLANS.items())},
        },
    )


if __name__ == "__main__":
    run_stage(main)
