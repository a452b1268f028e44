"""Score a classifier on worse and worse recordings of its test clips.

Reads   MODEL, any classifier; CORPUS, as prepare_data leaves it for classification, whose test
        clips are degraded as they are heard, with babble of its training clips
Writes  ROBUSTNESS, CSV: for each condition and level of noise the error rate with its interval, and
        its paired change from that of clean clips; UTTERANCES, CSV: what each clip is taken for in
        each condition, from which two models can be compared
Knobs   robustness: conditions, seed; evaluate: batch_seconds, resamples, confidence, seed;
        open_set: unknown_labels, which are left out
"""

from pathlib import Path

from voicegraft.evaluation.classes.open_set import OpenSet
from voicegraft.evaluation.classes.scores import COLUMNS, ClassScore, score_classes
from voicegraft.evaluation.predictions import log_probabilities
from voicegraft.evaluation.summary import Evaluate
from voicegraft.model.grafted import load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.pipeline.provenance import provenance
from voicegraft.speech.manifest import Corpus
from voicegraft.studies.robustness import Robustness, measure, write_clips, write_robustness


def main(model: Path, corpus: Path, robustness: Path, utterances: Path) -> None:
    params = load_params(Robustness, "robustness")
    evaluate = load_params(Evaluate, "evaluate")
    knobs = load_params(OpenSet, "open_set")
    grafted, clean = load_model(model), Corpus(corpus)
    clips = [clip for clip in clean.of("test") if clip.label not in knobs.unknown_labels]

    def scores_in(recorded: Corpus) -> list[ClassScore]:
        found = log_probabilities(grafted, recorded, clips, evaluate.batch_seconds)
        return score_classes(clips, grafted.labels, found)

    measured = measure(params, clean, scores_in)
    of = provenance(corpus=corpus, model=model, settings=[evaluate, knobs])
    write_robustness(robustness, measured, "error_rate", evaluate, of)
    write_clips(utterances, measured, COLUMNS)


if __name__ == "__main__":
    run_stage(main)
