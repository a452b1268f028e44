"""A project as `dvc repro` leaves it, small and invented, for the tests of the report."""

import json
import random
from pathlib import Path

import numpy as np
from invented import write_corpus
from safetensors.numpy import save_file

from voicegraft.evaluation.report import write_evaluation, write_predictions
from voicegraft.evaluation.summary import Evaluate
from voicegraft.pipeline.tables import write_rows
from voicegraft.studies.robustness import columns

PARAMS = """\
corpus: {name: tones, language: "no"}
evaluate: {batch_seconds: 60.0, resamples: 1000, confidence: 0.95, seed: 1,
           duration_edges_seconds: [0.5], fewest_speaker_clips: 1}
"""
EVALUATE = Evaluate(
    batch_seconds=60.0,
    resamples=1_000,
    confidence=0.95,
    seed=1,
    duration_edges_seconds=(0.5,),
    fewest_speaker_clips=1,
)
ERROR_RATES = {"head": 0.3, "top3": 0.1, "zero_shot": 0.2, "log_mel": 0.6}
DESCRIPTION = {
    "upstream": "whisper",
    "upstream_config": {"blocks": 6, "size": 512},
    "margin_seconds": 0.5,
    "head": "ctc_linear",
    "layer": 6,
    "labels": ["", " ", "a", "b", "ř"],
}


def write_project(root: Path, clips: int = 96) -> Path:
    """Fill `root` with a corpus of tones, four models and all that is known of them."""
    (root / "params.yaml").write_text(PARAMS)
    corpus = write_corpus(root / "data" / "corpus", clips)
    scored = corpus.of("test")
    for number, (model, rate) in enumerate(ERROR_RATES.items()):
        hypotheses = [misheard(u.text, rate, seed=number) for u in scored]
        write_evaluation(root / "evaluation" / model, scored, hypotheses, None, EVALUATE)
        place = "zero_shot/predictions.tsv" if model == "zero_shot" else f"predictions/{model}.tsv"
        write_predictions(root / "data" / place, scored, hypotheses)
    for model in ("head", "top3"):
        write_model(root, model)
    write_curve(root, "head", "dev/cer", [1.0, 0.5, 0.25])
    census = {split: census_of(corpus.of(split)) for split in ("train", "test")}
    leaks = {"train-test": {"sessions": 4, "texts": 9, "recordings": 0}}
    shared = {"train-test": {"speakers": 3}}
    write_json(
        root / "evaluation/corpus.json",
        {"splits": census, "rejects": {"too long": 7}, "leaks": leaks, "shared": shared},
    )
    return root


def misheard(text: str, rate: float, seed: int) -> str:
    """Return `text` with about `rate` of its letters changed, lost or doubled."""
    dice = random.Random(f"{text}{seed}")
    return "".join(
        dice.choice(("", "b", letter * 2)) if dice.random() < rate else letter for letter in text
    )


def write_curve(root: Path, model: str, metric: str, values: list[float]) -> None:
    """Write a curve as dvclive does."""
    path = root / "evaluation" / model / "curves/plots/metrics" / f"{metric}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{epoch}\t{value}" for epoch, value in enumerate(values)]
    path.write_text("\n".join([f"step\t{path.stem}", *lines, ""]))


def write_model(root: Path, model: str) -> None:
    """Write a model folder with 24 weights."""
    write_json(root / "models" / model / "model.json", DESCRIPTION)
    save_file(
        {"head.weight": np.zeros((4, 5), np.float32), "head.bias": np.zeros(4, np.float32)},
        root / "models" / model / "model.safetensors",
    )


def census_of(utterances: list) -> dict[str, float]:
    """Return what corpus.json tells of a side."""
    hours = sum(u.seconds for u in utterances) / 3600
    return {
        "clips": len(utterances),
        "hours": hours,
        "characters": sum(len(u.text) for u in utterances),
        "speakers": 3,
        "sessions": 4,
    }


def against(gain: float, verdict: str, control: str = "log_mel", split: str = "test") -> dict:
    """Return a comparison with a control on all clips of a side, as transfer.json holds it."""
    rate = {"gain": gain, "gain_low": gain - 0.1, "gain_high": gain + 0.1}
    rate |= {"model": 0.4 * (1 - gain), "control": 0.4}
    counts = {"clips": 16, "blocks": 4, "block_unit": "session"}
    names = {"control": control, "split": split, "kind": "whole", "slice": ""}
    return {**names, "cer": rate, "wer": rate, **counts, "verdict": verdict}


def write_transfer(root: Path, verdict: str, gain: float, slice_verdict: str = "") -> None:
    """Compare head with log_mel; one slice may differ from the whole."""
    whole = against(gain, verdict)
    part = against(-0.3, slice_verdict or verdict) | {"kind": "seconds", "slice": "0-0.5"}
    of_head = {"verdict": verdict, "best_control": "log_mel", "comparisons": [whole, part]}
    write_json(root / "evaluation/transfer.json", {"head": of_head})


def write_labels(root: Path, minutes: float | None, low: float | None, high: float | None) -> None:
    """Draw the curves of head and log_mel at three amounts; the head is as good at `minutes`."""
    folder = root / "evaluation/learning_curve/log_mel"
    amounts = ((1, 0.9, 0.5), (10, 0.7, 0.4), (60, 0.55, 0.3))
    rows = [
        (model, amount, cer, cer - 0.05, cer + 0.05)
        for amount, *rates in amounts
        for model, cer in zip(("log_mel", "head"), rates, strict=True)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "curve.csv", ("model", "minutes", "cer", "cer_low", "cer_high"), rows)
    spared = {"minutes": minutes, "minutes_low": low, "minutes_high": high}
    spared |= {"minutes_spared": None if minutes is None else 60 - minutes}
    seconds = {"training_seconds": 40.0, "control_training_seconds": 90.0}
    control = {"control_minutes": 60.0, "control_cer": 0.55}
    write_json(folder / "metrics.json", control | spared | seconds)


def write_robustness(root: Path, model: str, clean: float, rate: str = "cer") -> None:
    """Score `model` in noise at three levels and over a telephone; each adds to `clean`."""
    levels = (("clean", ""), ("white", 20.0), ("white", 10.0), ("white", 0.0), ("band", ""))
    rates = [clean + step for step in (0, 0.05, 0.1, 0.3, 0.02)]
    whole = (16, 4, "session")
    rows = [
        (*level, found, found - 0.02, found + 0.02, *[found - clean] * 3, *whole)
        for level, found in zip(levels, rates, strict=True)
    ]
    write_rows(root / "evaluation" / model / "robustness.csv", columns(rate), rows)


def write_json(path: Path, value: object) -> None:
    """Write `value`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
