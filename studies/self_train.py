"""Self-training: predict pseudo-labels for unlabelled clips, and train on the most confident.

Reads   UPSTREAM, CORPUS and EMBEDDINGS, as stages write them
Writes  MODEL, a grafted model: the last student if it is significantly better on dev, or else the
        better of two models trained on labels alone: its teacher, and one trained for as many steps
        as the student. EVALUATION, a folder for git: metrics.json, the gains of the student on
        dev, test and unseen; rounds.csv; confidence.csv, errors of pseudo-labels by confidence.
        SCRATCH keeps finished trainings, so that a killed run, or one with more rounds, continues
Knobs   self_train: labelled_minutes, keep, rounds; task; head; train_head, whose epochs and batches
        are scaled to the amount; compute; evaluate: resamples, confidence, seed
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

from pathlib import Path
from typing import Any

from voicegraft.embedding.store import Store
from voicegraft.evaluation.classes.open_set import evaluate_of
from voicegraft.evaluation.predictions import SCORED
from voicegraft.evaluation.summary import Evaluate
from voicegraft.model.saved import save_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.files import write_json
from voicegraft.pipeline.params import STUDIES_FILE, load_params, load_task
from voicegraft.pipeline.provenance import KEY, provenance
from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.manifest import UNLABELLED, Corpus, Utterance
from voicegraft.studies.amounts import minutes_of
from voicegraft.studies.self_training import SelfTrain, Trained, parted, pseudo_labels, self_train
from voicegraft.studies.self_training_gains import (
    COLUMNS,
    by_confidence,
    error_of,
    gains,
    kept_model,
    scores,
)
from voicegraft.studies.trainings import Trainings
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit, long_enough, steps_of_epoch
from voicegraft.training.head import choice_of, graft, head_trainer, settled_choice
from voicegraft.training.loop import Trainer
from voicegraft.training.scratch import tidied

ROUNDS = ("round", "clips", "minutes", "pseudo_label_error", "dev_error")
"""Columns: kept pseudo-labels, and the error of the student on dev."""


def judged(trained: Trained, corpus: Corpus, params: Evaluate) -> tuple[str, dict[str, Any]]:
    """Return the name of the kept model, chosen on dev, and the gains of the student by split."""
    sides = {side: clips for side in ("dev", *SCORED) if (clips := corpus.of(side))}
    found = {
        s: {m: scores(t, clips) for m, t in trained.models.items()} for s, clips in sides.items()
    }
    students = {side: of_side.pop("student") for side, of_side in found.items()}
    kept = kept_model(found["dev"], students["dev"], params)
    return kept, {side: gains(found[side], students[side], params) for side in found}


def round_rows(trained: Trained, others: list[Utterance], dev: list[Utterance]) -> list[tuple]:
    """Return a line of rounds.csv for each round."""
    rows = []
    for number, taught in enumerate(trained.rounds, 1):
        kept = {clip.id for clip in taught.kept}
        labels = [label for label in taught.labels if label.clip.id in kept]
        rates = taught.student.bare.objective.rates(dev, taught.student.predict(dev))
        error = error_of(taught.student, labels, others)
        dev_error = round(next(iter(rates.values())), 4)
        rows.append((number, len(labels), minutes_of(taught.kept), error, dev_error))
    return rows


def write_found(
    folder: Path, trained: Trained, corpus: Corpus, others: list[Utterance], found: dict[str, Any]
) -> None:
    """Write the tables for git."""
    folder.mkdir(parents=True, exist_ok=True)
    dev, teacher = corpus.of("dev"), trained.alone["teacher"]
    write_rows(folder / "rounds.csv", ROUNDS, round_rows(trained, others, dev))
    lines = by_confidence("dev", teacher, pseudo_labels(teacher, dev), dev)
    lines += by_confidence(UNLABELLED, teacher, trained.rounds[0].labels, others)
    write_rows(folder / "confidence.csv", COLUMNS, lines)
    write_json(folder / "metrics.json", found)


def in_words(kept: str, found: dict[str, Any]) -> list[str]:
    """Return a line for each split and rival of the student, and the kept model."""
    lines = [
        f"{side}, student against {name}: {rate} {of['old']:.4f} to {of['new']:.4f}, "
        f"change {of['low']:+.4f} to {of['high']:+.4f}: {of['verdict']}"
        for side, against in found.items()
        for name, rates in against.items()
        for rate, of in list(rates.items())[:1]
    ]
    back = "" if kept == "student" else ", ROLLED BACK: no significant gain on dev"
    return [*lines, f"kept: {kept}{back}"]


def main(
    upstream: Path, corpus: Path, embeddings: Path, model: Path, evaluation: Path, scratch: Path
) -> None:
    knobs = load_params(SelfTrain, "self_train", STUDIES_FILE)
    evaluate = load_params(evaluate_of(load_task()), "evaluate")
    asked = load_params(choice_of(load_task()), "head")
    fit = load_params(Fit, "train_head")
    compute = load_params(Compute, "compute")
    clips, store = Corpus(corpus), Store(embeddings)
    labelled, others = parted(clips, knobs.labelled_minutes, fit.seed)
    choice, _ = settled_choice(asked, store, labelled)
    if getattr(choice, "normalised_by", None):
        raise ValueError(
            "params.yaml: head.normalise must be none for self_train: speaker adaptation without "
            "labels is measured in evaluation/leave_speakers_out.csv"
        )

    def build(budget: Fit) -> Trainer:
        learner = graft(choice.layer, choice, store, labelled, upstream, budget.seed)
        return head_trainer(learner, store, budget, compute)

    facts = {"head": choice, "compute": compute, "stage": Path(__file__)}
    facts |= {"upstream": upstream, "corpus": corpus, "embeddings": embeddings}
    budget_of = minutes_of(clips.of("train"))
    with tidied(scratch) as used:
        trainings = Trainings(build, clips.of("dev"), scratch, used, facts)
        whole = long_enough(fit, len(steps_of_epoch(clips.of("train"), fit, 0)))
        trained = self_train(trainings, whole, budget_of, labelled, others, knobs)
    if not trained.alone["teacher"].fabric.is_global_zero:
        return  # on several devices, the first process writes
    kept, gained = judged(trained, clips, evaluate)
    save_model(trained.models[kept].bare, model)
    extent = {"labelled_minutes": minutes_of(labelled), "unlabelled_minutes": minutes_of(others)}
    found = extent | {"kept": kept, "rolled_back": kept != "student"} | gained
    of = provenance(corpus=corpus, upstream=upstream, training=[choice, fit])
    write_found(evaluation, trained, clips, others, found | {KEY: of})
    print("\n".join(in_words(kept, gained)))


if __name__ == "__main__":
    run_stage(main)
