"""Score a model on worse and worse recordings of its test clips.

Reads   MODEL, any grafted model; CORPUS, whose test clips are degraded as they are heard, with
        babble of its training clips
Writes  ROBUSTNESS, CSV: for each condition and level of noise CER with its interval, and its
        paired change from that of clean clips; UTTERANCES, CSV: the errors of each clip in each
        condition, from which two models can be compared
Knobs   robustness: conditions, seed; evaluate: batch_seconds, resamples, confidence, seed
"""

from pathlib import Path

from voicegraft.evaluation.predictions import transcribe
from voicegraft.evaluation.scores import COLUMNS, Score, score
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
    grafted, clean = load_model(model), Corpus(corpus)
    clips = clean.of("test")

    def scores_in(recorded: Corpus) -> list[Score]:
        heard = transcribe(grafted, recorded, clips, evaluate.batch_seconds)
        return score(clips, heard, grafted.labels)

    measured = measure(params, clean, scores_in)
    of = provenance(corpus=corpus, model=model, settings=evaluate)
    write_robustness(robustness, measured, "cer", evaluate, of)
    write_clips(utterances, measured, COLUMNS)


if __name__ == "__main__":
    run_stage(main)
