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

from voicegraft.command import run_stage
from voicegraft.evaluation.report import headline, write_evaluation, write_predictions
from voicegraft.evaluation.summary import Evaluate
from voicegraft.evaluation.transcription import transcribe
from voicegraft.grafted import load_model
from voicegraft.params import load_params
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.speech.pace import pace

SPLITS = ("test", "unseen")


def clips_to_score(corpus: Corpus, max_seconds: float) -> list[Utterance]:
    """Return the utterances of both splits; refuse none at all, and one that no window takes."""
    utterances = corpus.of(*SPLITS)
    if not utterances:
        raise ValueError(f"the corpus has no utterance in {' or '.join(SPLITS)}: nothing to score")
    longest = max(utterances, key=lambda u: u.samples)
    if longest.seconds > max_seconds:
        raise ValueError(
            f"{longest.id} lasts {longest.seconds:.1f} s, and the model takes {max_seconds:g} s: "
            "lower max_seconds of prepare_data"
        )
    return utterances


def main(model: Path, corpus: Path, evaluation: Path, predictions: Path) -> None:
    params = load_params(Evaluate, "evaluate")
    grafted, clips = load_model(model), Corpus(corpus)
    utterances = clips_to_score(clips, grafted.max_seconds)
    began = time.monotonic()
    hypotheses = transcribe(grafted, clips, utterances, params.batch_seconds)
    took, audio = time.monotonic() - began, sum(u.seconds for u in utterances)
    print(pace(audio, took), file=sys.stderr)
    write_predictions(predictions, utterances, hypotheses)
    summary = write_evaluation(evaluation, utterances, hypotheses, grafted.labels, params)
    print("\n".join(headline(summary)))


if __name__ == "__main__":
    run_stage(main)
