"""Score a classifier on clips it never trained on: test (voices heard) and unseen (never heard).

Reads   MODEL, as the training leaves it, whose head emits one frame for a clip; CORPUS, as
        prepare_data leaves it for classification
Writes  EVALUATION, a folder of numbers for git: metrics.json; by class, classes.csv and
        confusion.csv; by voice and length, slices.csv; whether probabilities can be believed,
        calibration.csv; by clip, utterances.csv, worst.csv and dev.csv, by which controls are
        chosen; of clips of no class, unknown.csv and open_set.csv. PREDICTIONS, a table of the
        probabilities of all classes for each clip
Knobs   evaluate: batch_seconds, resamples, confidence, seed, duration_edges_seconds,
        fewest_speaker_clips; open_set: unknown_labels, max_false_accepts
"""

import sys
import time
from pathlib import Path

from voicegraft.evaluation.classes.open_set import CHOOSING, OpenSet, check_unknown
from voicegraft.evaluation.classes.report import (
    headline,
    write_class_evaluation,
    write_probabilities,
)
from voicegraft.evaluation.classes.scores import score_classes
from voicegraft.evaluation.predictions import clips_to_score, log_probabilities
from voicegraft.evaluation.summary import Evaluate
from voicegraft.model.grafted import load_model
from voicegraft.pipeline.command import pace, run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.pipeline.provenance import provenance
from voicegraft.speech.manifest import Corpus


def main(model: Path, corpus: Path, evaluation: Path, predictions: Path) -> None:
    params = load_params(Evaluate, "evaluate")
    knobs = load_params(OpenSet, "open_set")
    grafted, clips = load_model(model), Corpus(corpus)
    utterances = clips.of(CHOOSING) + clips_to_score(clips, grafted.max_seconds)
    began = time.monotonic()
    found = log_probabilities(grafted, clips, utterances, params.batch_seconds)
    took, audio = time.monotonic() - began, sum(u.seconds for u in utterances)
    print(pace(audio, took), file=sys.stderr)
    write_probabilities(predictions, utterances, grafted.labels, found)
    scores = score_classes(utterances, grafted.labels, found)
    check_unknown(knobs, scores)
    of = provenance(corpus=corpus, model=model, settings=[params, knobs])
    summary = write_class_evaluation(evaluation, scores, knobs, params, of)
    print("\n".join(headline(summary)))


if __name__ == "__main__":
    run_stage(main)
