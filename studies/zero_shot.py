"""Score the upstream's own decoder, set to the language, on the same clips as our models.

Reads   UPSTREAM, as fetch_model writes it; CORPUS, as prepare_data writes it
Writes  EVALUATION and PREDICTIONS, the same files as evaluate
Knobs   DECODER, a file of voicegraft/decoders; corpus: language; prepare_data.text, to
        normalise hypotheses like references; evaluate; privacy: committed_names, salt
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import sys
import time
from pathlib import Path

from tqdm import tqdm

from voicegraft.evaluation.pseudonyms import load_names
from voicegraft.evaluation.report import headline, write_evaluation, write_predictions
from voicegraft.evaluation.summary import Evaluate
from voicegraft.pipeline.command import pace, run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.pipeline.provenance import provenance
from voicegraft.preparing.corpus import CorpusSection
from voicegraft.preparing.text import TextSection, normalise
from voicegraft.speech.manifest import Corpus
from voicegraft.studies.decoder import open_decoder


def main(decoder: str, upstream: Path, corpus: Path, evaluation: Path, predictions: Path) -> None:
    params, names = load_params(Evaluate, "evaluate"), load_names()
    spelling = load_params(TextSection, "prepare_data.text")
    language = load_params(CorpusSection, "corpus").language
    decode, clips = open_decoder(decoder, upstream, language, params.seed), Corpus(corpus)
    utterances, began = clips.of("test", "unseen"), time.monotonic()
    hypotheses = [
        normalise(decode(clips.wave(utterance)), spelling)
        for utterance in tqdm(utterances, unit="clip")
    ]
    took, audio = time.monotonic() - began, sum(u.seconds for u in utterances)
    print(pace(audio, took), file=sys.stderr)
    write_predictions(predictions, utterances, hypotheses)
    of = provenance(corpus=corpus, upstream=upstream, settings=params)
    summary = write_evaluation(evaluation, utterances, hypotheses, None, params, of, names=names)
    print("\n".join(headline(summary)))


if __name__ == "__main__":
    run_stage(main)
