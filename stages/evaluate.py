"""Score one model on clips it never trained on: test (voices heard) and unseen (never heard).

Reads   MODEL, as train_head or finetune leaves it; CORPUS, as prepare_data leaves it
Writes  EVALUATION, a folder of numbers for git: metrics.json, utterances.csv, worst.csv,
        confusion.csv, cer_by_duration.csv; PREDICTIONS, id, reference and hypothesis in a .tsv:
        sentences, so never for git
Knobs   evaluate: batch_seconds, resamples, confidence, seed, duration_edges_seconds,
        fewest_speaker_clips
"""

import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from voicegraft.command import run_stage
from voicegraft.evaluation.report import headline, write_evaluation, write_predictions
from voicegraft.evaluation.summary import Evaluate
from voicegraft.grafted import GraftedModel, load_model
from voicegraft.params import load_params
from voicegraft.speech.batches import batches_by_length
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance
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


def transcribe(
    model: GraftedModel, corpus: Corpus, utterances: Sequence[Utterance], batch_seconds: float
) -> list[str]:
    """Return what the model hears in each of `utterances`, in their order."""
    hypotheses = [""] * len(utterances)
    lengths = [u.samples for u in utterances]
    total = math.ceil(sum(u.seconds for u in utterances))
    with tqdm(total=total, unit="s of audio", unit_scale=True) as bar:
        for batch in batches_by_length(lengths, int(batch_seconds * SAMPLE_RATE)):
            emissions = model.emissions([corpus.wave(utterances[i]) for i in batch])
            for index, emission in zip(batch, emissions, strict=True):
                hypotheses[index] = model.decode(emission)
            bar.update(sum(utterances[i].seconds for i in batch))
    return hypotheses


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
