"""Error rates of a linear head against ε, and how well its loss tells who was in train.

Reads   UPSTREAM, CORPUS and EMBEDDINGS, as stages write them
Writes  the part `private` of benchmarks/results.json

Of train, so many minutes are drawn, clip by clip; the clips that were not drawn are of the same
sessions and voices, so that nothing but membership tells them apart. The attack is the simplest
one, a threshold on the loss of a clip (Yeom et al. 2018, https://arxiv.org/abs/1709.01604). The
recipe of the private heads was chosen on dev, among two learning rates: this is not paid for in ε.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from scipy.stats import beta

from benchmarks.results import keep
from voicegraft.embedding.store import Store
from voicegraft.evaluation.scores import score
from voicegraft.evaluation.summary import Evaluate, summarise
from voicegraft.model.head import HeadChoice
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.studies.amounts import draw
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit, Private
from voicegraft.training.head import graft, head_trainer
from voicegraft.training.inputs import learnable
from voicegraft.training.loop import Trainer
from voicegraft.training.private import PrivateTrainer

LAYER, SEED = 6, 1
MINUTES = (30.0, math.inf, 10.0)
EPSILONS = (16.0, 8.0, 4.0, 1.0)
PRIVATE = {"batch_seconds": 300.0, "min_steps": 0, "epochs": 15, "lr": 0.003, "clip_norm": 1.0}
SOONER = {"epochs": 4, "min_steps": 430}
"""A third of the steps of the recipe."""
FALSE_POSITIVES = (0.01, 0.1)
RESAMPLES = 2_000


def variants(fit: Fit) -> Iterator[tuple[str, Fit, bool]]:
    """Yield the name of each way to train, its knobs, and whether noise is added."""
    yield "the recipe", fit, False
    yield "fewer epochs", fit.model_copy(update=SOONER), False
    for epsilon in (math.inf, *EPSILONS):
        asked = 1.0 if math.isinf(epsilon) else epsilon  # without noise, no ε is kept
        private = Private(epsilon=asked, delta="auto", unit="utterance")
        own = fit.model_copy(update=PRIVATE | {"private": private})
        name = "clipping alone" if math.isinf(epsilon) else f"ε = {epsilon:g}"
        yield name, own, not math.isinf(epsilon)


@torch.no_grad()
def losses(trainer: Trainer, clips: Sequence[Utterance]) -> np.ndarray:
    """Return the loss of each clip as it was recorded, (clips,)."""
    objective, predictor = trainer.bare.objective, trainer.predictor
    emitted = (predictor.emitted(trainer.bare, [trainer.inputs(clip)]) for clip in clips)
    return np.array(
        [float(objective.loss(own, [c])) for own, c in zip(emitted, clips, strict=True)]
    )


def attack(members: np.ndarray, others: np.ndarray, made: Any) -> dict[str, Any]:
    """Return how well a threshold on the loss tells members from others, with intervals."""
    rng = np.random.default_rng(SEED)
    drawn = [
        area(rng.choice(members, len(members)), rng.choice(others, len(others)))
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    found = {"auc": area(members, others), "auc_low": float(low), "auc_high": float(high)}
    for share in FALSE_POSITIVES:
        threshold = np.sort(others)[max(0, math.floor(share * len(others)) - 1)]
        hits, false = int((members <= threshold).sum()), int((others <= threshold).sum())
        found[f"true_at_{share:g}"] = hits / len(members)
        if made is not None:
            least, most = lowest(hits, len(members)), highest(false, len(others))
            bound = math.exp(made.epsilon) * most + made.delta
            found[f"within_bound_at_{share:g}"] = bool(least <= bound)
    return found


def area(members: np.ndarray, others: np.ndarray) -> float:
    """Return the chance that a member has the lower loss of the two (AUC)."""
    below = np.searchsorted(np.sort(others), members, "right")
    return float(1 - below.mean() / len(others))


def lowest(hits: int, of: int) -> float:
    """Return the lower end of the 95 % interval of Clopper & Pearson 1934."""
    return float(beta.ppf(0.025, hits, of - hits + 1)) if hits else 0.0


def highest(hits: int, of: int) -> float:
    """Return its upper end."""
    return float(beta.ppf(0.975, hits + 1, of - hits)) if hits < of else 1.0


def main(upstream: Path, corpus: Path, embeddings: Path) -> None:
    clips, store = Corpus(corpus), Store(embeddings)
    fit, params = load_params(Fit, "train_head"), load_params(Evaluate, "evaluate")
    compute = Compute(accelerator="cpu", devices=1, precision="32-true")
    choice, measured = HeadChoice(name="ctc_linear", layer=LAYER), []
    for minutes in MINUTES:
        everything = clips.of("train")
        train = everything if math.isinf(minutes) else draw(everything, minutes, SEED)
        inside = {clip.id for clip in train}
        outside = [clip for clip in everything if clip.id not in inside]
        for name, knobs, noisy in variants(fit):
            model = graft(LAYER, choice, store, train, upstream, SEED)
            trainer = head_trainer(model, store, knobs, compute, quiet=True)
            if isinstance(trainer, PrivateTrainer):
                trainer.noise = noisy
            sides = [learnable(s, trainer.inputs, trainer.bare) for s in (train, clips.of("dev"))]
            with TemporaryDirectory() as scratch:
                trainer.run(*sides, Checkpoint(Path(scratch)))
            trainer.bare.eval()
            made = trainer.guarantee if noisy else None
            row = {"minutes": sum(c.seconds for c in train) / 60, "how": name}
            row |= {"clips": len(sides[0]), "delta": made.delta if made else None}
            row |= {"noise": made.noise_multiplier if made else None}
            test = clips.of("test")
            scores = score(test, trainer.predict(test), trainer.bare.labels)
            row |= summarise(scores, params)
            others = learnable(outside, trainer.inputs, trainer.bare)
            if others:
                both = losses(trainer, sides[0]), losses(trainer, others)
                row |= attack(*both, made)
            measured.append(row)
            print(row, flush=True)
            keep("private", {"rows": measured})


def table(measured: dict[str, Any]) -> str:
    """Return the lines of the table, the most speech first."""
    if "private" not in measured:
        return ""
    rows = sorted(measured["private"]["measured"]["rows"], key=lambda r: -r["minutes"])
    head = "| minutes | trained | test: CER | WER | AUC of the attack | true at 1 % false |"
    return "\n".join([head, "|---|---|---|---|---|---|", *map(_line, rows), ""])


def _line(row: dict[str, Any]) -> str:
    rates = (_interval(row, name) for name in ("cer", "wer"))
    area, true = "", ""
    if "auc" in row:
        area = f"{row['auc']:.3f} ({row['auc_low']:.3f}–{row['auc_high']:.3f})"
        true = f"{100 * row['true_at_0.01']:.1f} %"
    return f"| {row['minutes']:.0f} | {row['how']} | {' | '.join(rates)} | {area} | {true} |"


def _interval(row: dict[str, Any], name: str) -> str:
    value, low, high = (100 * row[f"{name}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.1f} ({low:.1f}–{high:.1f})"


if __name__ == "__main__":
    run_stage(main)
