"""A project of classifiers as `dvc repro` leaves it in words/, small and invented."""

from dataclasses import replace
from pathlib import Path

from invented import write_corpus
from labelled import class_scores
from reported import EVALUATE, PARAMS, against, census_of, write_json

from voicegraft.evaluation.classes.open_set import OpenSet
from voicegraft.evaluation.classes.report import write_class_evaluation
from voicegraft.pipeline.tables import write_rows

RIGHT = {"head": 0.95, "mfcc": 0.6, "log_mel": 0.8}
"""About which share of the clips each model has right."""
NOTHING_UNKNOWN = OpenSet(unknown_labels=[], max_false_accepts=0.1)
NOISE = OpenSet(unknown_labels=["noise"], max_false_accepts=0.1)
SHOTS = ((1, 0.4), (5, 0.6), (10, 0.7))


def write_class_project(root: Path) -> Path:
    """Fill `root` with a corpus, a classifier, two controls and all that is known of them."""
    (root / "params.yaml").write_text(f"task: classification\n{PARAMS}")
    corpus = write_corpus(root / "data" / "corpus", 96)
    scored = corpus.of("test")
    for number, (model, right) in enumerate(RIGHT.items()):
        scores = class_scores(right, number, clips=len(scored), sessions=4)
        own = [
            replace(s, id=u.id, speaker=u.speaker, session="", seconds=round(u.seconds, 3))
            for s, u in zip(scores, scored, strict=True)
        ]
        write_class_evaluation(root / "evaluation" / model, own, NOTHING_UNKNOWN, EVALUATE)
    write_few_shot(root)
    write_left_out(root)
    census = {split: census_of(corpus.of(split)) for split in ("train", "test")}
    nothing = {"rejects": {}, "leaks": {}, "shared": {}}
    write_json(root / "evaluation/corpus.json", {"splits": census} | nothing)
    return root


def write_few_shot(root: Path) -> None:
    """Write rates that rise with the clips of each class."""
    ends = ("", "_low", "_high")
    rates = [f"{rate}{end}" for rate in ("accuracy", "macro_f1") for end in ends]
    rows = [("test", shots, *(2 * (rate, rate - 0.1, rate + 0.1)), 20) for shots, rate in SHOTS]
    write_rows(root / "evaluation/few_shot.csv", ("split", "shots", *rates, "draws"), rows)


def write_left_out(root: Path) -> None:
    """Write how well two measures refuse classes that were left out."""
    rates = ("equal_error_rate", "false_accept_rate", "accuracy")
    header = [f"{rate}{end}" for rate in rates for end in ("", "_low", "_high")]
    rows = [
        (split, measure, rate, rate - 0.05, rate + 0.05, *[0.01, 0.0, 0.02], *[0.5, 0.4, 0.6], 24)
        for measure, rate in (("probability", 0.3), ("cosine", 0.1))
        for split in ("dev", "test")
    ]
    path = root / "evaluation/leave_classes_out.csv"
    write_rows(path, ("split", "measure", *header, "unknown_clips"), rows)


def write_unknown(root: Path) -> None:
    """Score the head once more where a quarter of dev and of test is noise, of no class."""
    classes = ("flat", "rise", "dip", "noise")
    scores = [
        replace(s, probability=s.probability / 2 if s.label == "noise" else s.probability)
        for split in ("dev", "test")
        for s in class_scores(0.8, split=split, classes=classes)
    ]
    write_class_evaluation(root / "evaluation/head", scores, NOISE, EVALUATE)


def write_class_transfer(root: Path, verdict: str, gain: float) -> None:
    """Compare the head with log_mel by the error rate of classes."""
    compared = against(gain, verdict)
    compared["error_rate"] = compared.pop("cer")
    del compared["wer"]
    head = {"verdict": verdict, "best_control": "log_mel", "comparisons": [compared]}
    write_json(root / "evaluation/transfer.json", {"head": head})
