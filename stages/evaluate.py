"""Score a model on test (speakers of train) and unseen (other speakers).

Reads   MODEL, as train_head or finetune writes it; CORPUS, as prepare_data writes it
Writes  EVALUATION, a folder of numbers for git: metrics.json, the main rates; rates.json, all rates
        with intervals; slices.csv, utterances.csv, confusion.csv; for classes classes.csv, dev.csv,
        by which controls are chosen, calibration.csv, and for the unknown class unknown.csv and
        open_set.csv.
        PREDICTIONS, id, reference and hypothesis in a .tsv, or probabilities of all classes in a
        .csv: sentences of the corpus, so never for git
        EMISSIONS, of a model for transcription, if asked for: those of dev, test and unseen; and
        what its attention decoder listens to, if it has one
Knobs   task; evaluate: batch_seconds, resamples, confidence, seed, duration_edges_seconds,
        fewest_speaker_clips, and for classes unknown_labels, max_false_accepts; privacy:
        committed_names, salt; corpus: name, for what is public
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from voicegraft.evaluation.classes.open_set import EvaluateClasses, check_unknown
from voicegraft.evaluation.classes.report import (
    class_headline,
    write_class_evaluation,
    write_probabilities,
)
from voicegraft.evaluation.classes.scores import score_classes
from voicegraft.evaluation.predictions import (
    clips_to_score,
    emissions_and_states,
    emissions_of,
    log_probabilities,
    write_emissions,
)
from voicegraft.evaluation.pseudonyms import load_names
from voicegraft.evaluation.report import headline, write_evaluation, write_predictions
from voicegraft.evaluation.summary import CHOOSING, Evaluate
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.saved import load_model
from voicegraft.pipeline.command import pace, run_stage
from voicegraft.pipeline.params import CLASSIFICATION, load_params, load_task
from voicegraft.pipeline.provenance import provenance
from voicegraft.speech.manifest import Corpus, Utterance

Found = TypeVar("Found")


def timed(
    predict: Callable[[GraftedModel, Corpus, Sequence[Utterance], float], Found],
    model: GraftedModel,
    corpus: Corpus,
    clips: Sequence[Utterance],
    batch_seconds: float,
) -> Found:
    """Return what the model predicts for `clips`, and print how fast it was."""
    began = time.monotonic()
    found = predict(model, corpus, clips, batch_seconds)
    print(pace(sum(clip.seconds for clip in clips), time.monotonic() - began), file=sys.stderr)
    return found


def evaluate_texts(
    model: Path, corpus: Path, evaluation: Path, predictions: Path, emissions: Path | None
) -> list[str]:
    """Score a model for transcription, and return lines for the terminal."""
    params, names = load_params(Evaluate, "evaluate"), load_names()
    grafted, clips = load_model(model), Corpus(corpus)
    utterances = clips_to_score(clips, grafted.max_seconds)
    run = emissions_and_states if grafted.attention else emissions_of
    found = timed(run, grafted, clips, utterances, params.batch_seconds)
    emission_of = [own[0] if grafted.attention else own for own in found]
    hypotheses = [grafted.decode(emission) for emission in emission_of]
    write_predictions(predictions, utterances, hypotheses)
    if emissions:
        dev = clips.of(CHOOSING)
        found += run(grafted, clips, dev, params.batch_seconds)
        write_emissions(emissions, [*utterances, *dev], found)
    of = provenance(corpus=corpus, model=model, settings=params)
    summary = write_evaluation(
        evaluation, utterances, hypotheses, grafted.labels, params, of, names=names
    )
    return headline(summary)


def evaluate_classes(model: Path, corpus: Path, evaluation: Path, predictions: Path) -> list[str]:
    """Score a classifier, and return lines for the terminal."""
    params, names = load_params(EvaluateClasses, "evaluate"), load_names()
    grafted, clips = load_model(model), Corpus(corpus)
    utterances = clips.of(CHOOSING) + clips_to_score(clips, grafted.max_seconds)
    found = timed(log_probabilities, grafted, clips, utterances, params.batch_seconds)
    write_probabilities(predictions, utterances, grafted.labels, found)
    scores = score_classes(utterances, grafted.labels, found)
    check_unknown(params, scores)
    of = provenance(corpus=corpus, model=model, settings=params)
    return class_headline(write_class_evaluation(evaluation, scores, params, params, of, names))


def main(
    model: Path, corpus: Path, evaluation: Path, predictions: Path, emissions: Path | None = None
) -> None:
    if load_task() == CLASSIFICATION:
        lines = evaluate_classes(model, corpus, evaluation, predictions)
    else:
        lines = evaluate_texts(model, corpus, evaluation, predictions, emissions)
    print("\n".join(lines))


if __name__ == "__main__":
    run_stage(main)
