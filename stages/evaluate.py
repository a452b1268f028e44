"""Score one model on clips it never trained on: test (voices heard) and unseen (never heard).

Reads   MODEL, as train_head or finetune leaves it; CORPUS, as prepare_data leaves it
Writes  EVALUATION, a folder of numbers for git: metrics.json, utterances.csv, worst.csv,
        confusion.csv, cer_by_duration.csv; PREDICTIONS, id, reference and hypothesis in a .tsv:
        sentences, so never for git
Knobs   evaluate: batch_seconds, resamples, confidence, seed, duration_edges_seconds,
        fewest_speaker_clips
"""

import sys
import time
from pathlib import Path

from voicegraft.evaluation.predictions import clips_to_score, transcribe
from voicegraft.evaluation.report import headline, write_evaluation, write_predictions
from voicegraft.evaluation.summary import Evaluate
from voicegraft.model.grafted import load_model
from voicegraft.pipeline.command import pace, run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.pipeline.provenance import provenance
from voicegraft.speech.manifest import Corpus


def main(model: Path, corpus: Path, evaluation: Path, predictions: Path) -> None:
    params = load_params(Evaluate, "evaluate")
    grafted, clips = load_model(model), Corpus(corpus)
    utterances = clips_to_score(clips, grafted.max_seconds)
    began = time.monotonic()
    hypotheses = transcribe(grafted, clips, utterances, params.batch_seconds)
    took, audio = time.monotonic() - began, sum(u.seconds for u in utterances)
    print(pace(audio, took), file=sys.stderr)
    write_predictions(predictions, utterances, hypotheses)
    of = provenance(corpus=corpus, model=model, settings=params)
    summary = write_evaluation(evaluation, utterances, hypotheses, grafted.labels, params, of)
    print("\n".join(headline(summary)))


if __name__ == "__main__":
    run_stage(main)
