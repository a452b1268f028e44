"""Score a model on worse and worse recordings of its test clips.

Reads   MODEL, any grafted model; CORPUS, whose test clips are degraded as they are heard, with
        babble of its training clips
Writes  ROBUSTNESS, CSV: for each condition and level of noise CER with its interval, and its
        paired change from that of clean clips; UTTERANCES, CSV: the errors of each clip in each
        condition, from which two models can be compared
Knobs   robustness: conditions, seed; evaluate: batch_seconds, resamples, confidence, seed
"""

import sys
from pathlib import Path

from voicegraft.command import run_stage
from voicegraft.degradation.corpus import DegradedCorpus
from voicegraft.degradation.knobs import Condition
from voicegraft.evaluation.robustness import Robustness, columns, rows
from voicegraft.evaluation.scores import COLUMNS, Score, score
from voicegraft.evaluation.summary import Evaluate
from voicegraft.evaluation.tables import write_rows
from voicegraft.evaluation.transcription import transcribe
from voicegraft.grafted import GraftedModel, load_model
from voicegraft.params import load_params
from voicegraft.speech.manifest import Corpus

METRIC = "cer"


def scores_in(
    condition: Condition, model: GraftedModel, corpus: Corpus, seed: int, batch_seconds: float
) -> list[Score]:
    """Return the errors in each test clip of the corpus, heard through the condition."""
    level = "" if condition.snr_db is None else f" at {condition.snr_db:g} dB"
    print(f"{condition.name}{level}", file=sys.stderr)
    clips, degraded = corpus.of("test"), DegradedCorpus(corpus, condition, seed)
    return score(clips, transcribe(model, degraded, clips, batch_seconds), model.labels)


def main(model: Path, corpus: Path, robustness: Path, utterances: Path) -> None:
    params = load_params(Robustness, "robustness")
    evaluate = load_params(Evaluate, "evaluate")
    grafted, clips = load_model(model), Corpus(corpus)
    measured = {
        condition: scores_in(condition, grafted, clips, params.seed, evaluate.batch_seconds)
        for condition in params.tested
    }
    table = rows(measured, METRIC, evaluate)
    robustness.parent.mkdir(parents=True, exist_ok=True)  # it may run before evaluate does
    write_rows(robustness, columns(METRIC), table)
    lines = [
        (condition.name, condition.snr_db, *(getattr(s, name) for name in COLUMNS))
        for condition, scores in measured.items()
        for s in scores
    ]
    write_rows(utterances, ("condition", "snr_db", *COLUMNS), lines)
    for name, snr_db, *rates in table:
        print(f"{name} {'' if snr_db is None else f'{snr_db:g} dB'}: CER {rates[0]:.3f}")


if __name__ == "__main__":
    run_stage(main)
