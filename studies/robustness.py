"""Score a model on degraded test clips.

Reads   MODEL, any grafted model; CORPUS, whose test clips are degraded; babble is mixed from
        its training clips
Writes  ROBUSTNESS, CSV: for each condition and level of noise the error rate with its interval, and
        its paired change from clean clips; UTTERANCES, CSV: the errors of each clip in each
        condition, for comparing two models
Knobs   task; robustness: conditions, seed; evaluate: batch_seconds, resamples,
        confidence, seed, and for classes unknown_labels, which are left out; privacy:
        committed_names, salt; corpus: name, for what is public
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

from collections.abc import Callable, Sequence
from pathlib import Path

from voicegraft.evaluation.classes.open_set import EvaluateClasses
from voicegraft.evaluation.classes.scores import COLUMNS as CLASS_COLUMNS
from voicegraft.evaluation.classes.scores import ClassScore, score_classes
from voicegraft.evaluation.predictions import log_probabilities, transcribe
from voicegraft.evaluation.pseudonyms import load_names
from voicegraft.evaluation.scores import COLUMNS, Score, score
from voicegraft.evaluation.summary import Evaluate
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.saved import load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import CLASSIFICATION, STUDIES_FILE, load_params, load_task
from voicegraft.pipeline.provenance import provenance
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.studies.robustness import Robustness, measure, write_clips, write_robustness

Scoring = Callable[[Corpus], list[Score] | list[ClassScore]]
"""The scores of the same clips in a corpus, degraded or not."""


def of_texts(model: GraftedModel, clips: Sequence[Utterance], seconds: float) -> Scoring:
    """Return the function that scores the model on the texts of `clips`."""
    return lambda corpus: score(clips, transcribe(model, corpus, clips, seconds), model.labels)


def of_classes(model: GraftedModel, clips: Sequence[Utterance], seconds: float) -> Scoring:
    """Return the function that scores the model on the classes of `clips`."""
    return lambda corpus: score_classes(
        clips, model.labels, log_probabilities(model, corpus, clips, seconds)
    )


def main(model: Path, corpus: Path, robustness: Path, utterances: Path) -> None:
    knobs, names = load_params(Robustness, "robustness", STUDIES_FILE), load_names()
    grafted, clean = load_model(model), Corpus(corpus)
    clips = clean.of("test")
    if load_task() == CLASSIFICATION:
        params = load_params(EvaluateClasses, "evaluate")
        clips = [clip for clip in clips if clip.label not in params.unknown_labels]
        scoring, columns, rate = of_classes, CLASS_COLUMNS, "error_rate"
    else:
        params = load_params(Evaluate, "evaluate")
        scoring, columns, rate = of_texts, COLUMNS, "cer"
    measured = measure(knobs, clean, scoring(grafted, clips, params.batch_seconds))
    of = provenance(corpus=corpus, model=model, settings=params)
    write_robustness(robustness, measured, rate, params, of)
    named = {condition: names.committed(scores) for condition, scores in measured.items()}
    write_clips(utterances, named, columns)


if __name__ == "__main__":
    run_stage(main)
