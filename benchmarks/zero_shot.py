"""Score Whisper as it comes, told the language, on the very clips that our models are scored on.

    python benchmarks/zero_shot.py models/upstream data/corpus \\
        evaluation/zero_shot data/predictions/zero_shot.tsv

Reads   WHISPER, a CTranslate2 folder (model.bin, config.json, tokenizer.json, vocabulary.txt);
        CORPUS, as prepare_data leaves it
Writes  EVALUATION and PREDICTIONS, the same files as stages/evaluate.py
Knobs   corpus.language, prepare_data.text, evaluate

Decoding is faster-whisper's own default (beam of 5, a hotter second try where the first looks
bad; its sampling is seeded) but for two options: no timestamps and no previous text, as each clip
is one utterance. What it writes is normalised as the references are. Needs the extra `peers`.
"""

import sys
import time
from pathlib import Path

import ctranslate2
from faster_whisper import WhisperModel
from tqdm import tqdm

from voicegraft.command import run_stage
from voicegraft.corpora import CorpusSection
from voicegraft.evaluation.report import headline, write_evaluation, write_predictions
from voicegraft.evaluation.summary import Evaluate
from voicegraft.params import load_params
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.speech.pace import pace
from voicegraft.speech.text import TextSection, normalise

SPLITS = ("test", "unseen")


def transcribe(whisper: WhisperModel, corpus: Corpus, utterance: Utterance, language: str) -> str:
    """Return what Whisper writes, in its own spelling."""
    segments, _ = whisper.transcribe(
        corpus.wave(utterance),
        language=language,
        without_timestamps=True,
        condition_on_previous_text=False,
    )
    return " ".join(segment.text.strip() for segment in segments)


def main(
    whisper: Path, corpus: Path, evaluation: Path, predictions: Path, threads: int = 0
) -> None:
    if not (whisper / "model.bin").is_file():  # faster-whisper would take the path for a name
        raise ValueError(f"{whisper} is no CTranslate2 folder: it has no model.bin")
    params = load_params(Evaluate, "evaluate")
    spelling = load_params(TextSection, "prepare_data.text")
    language = load_params(CorpusSection, "corpus").language
    model = WhisperModel(str(whisper), compute_type="float32", cpu_threads=threads)
    ctranslate2.set_random_seed(params.seed)
    clips = Corpus(corpus)
    utterances, began = clips.of(*SPLITS), time.monotonic()
    hypotheses = [
        normalise(transcribe(model, clips, utterance, language), spelling)
        for utterance in tqdm(utterances, unit="clip")
    ]
    took, audio = time.monotonic() - began, sum(u.seconds for u in utterances)
    print(pace(audio, took), file=sys.stderr)
    write_predictions(predictions, utterances, hypotheses)
    summary = write_evaluation(evaluation, utterances, hypotheses, None, params)
    print("\n".join(headline(summary)))


if __name__ == "__main__":
    run_stage(main)
