"""Give a model a language model: weigh them on dev, and score both together on test and unseen.

Reads   MODEL, as train_head or finetune writes it; LANGUAGE, as build_language_model writes it;
        CORPUS, as prepare_data writes it; EMISSIONS of the model, as evaluate writes them
Writes  DECODED, the model with its decoder, which is all that `voicegraft transcribe` needs;
        EVALUATION, a folder of numbers for git, as `evaluate` writes them: rates.json also has the
        change from greedy decoding, words that the lexicon lacks, and the calibration error of
        words; confidence.csv is the reliability diagram of words.
        PREDICTIONS, id, reference and hypothesis in a .tsv: sentences of the corpus, never for git
Knobs   decode: search; evaluate: resamples, confidence, seed, duration_edges_seconds,
        fewest_speaker_clips; privacy: committed_names, salt; corpus: name, for what is public
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import shutil
import sys
from collections.abc import Sequence
from itertools import repeat
from pathlib import Path

import numpy as np
from tqdm import tqdm

from voicegraft.evaluation.predictions import SCORED, STATES, read_emissions
from voicegraft.evaluation.pseudonyms import load_names
from voicegraft.evaluation.summary import CHOOSING, Evaluate
from voicegraft.evaluation.words import DecodedClips
from voicegraft.language.arpa import is_installed
from voicegraft.language.decoder import MISSING, BeamDecoder, save_decoder, tuned
from voicegraft.language.folder import read_lexicon
from voicegraft.language.rescoring import FEATURES, Candidates
from voicegraft.language.settings import FOLDER, Search, Settings
from voicegraft.model import ctc
from voicegraft.model.saved import load_attention, load_description
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.files import whole
from voicegraft.pipeline.params import Section, load_params
from voicegraft.pipeline.provenance import provenance
from voicegraft.speech.manifest import Corpus, Utterance


class Decode(Section):
    """How texts are found in emissions."""

    search: Search


def candidates(
    model: Path, search: Search, language: Path, emissions: Path, clips: Sequence[Utterance]
) -> list[Candidates]:
    """Return the texts that the search finds for each clip; of greedy decoding there is one."""
    labels, emission_of = load_description(model).labels, read_emissions(emissions, clips)
    if search == "greedy":
        texts = ([ctc.greedy(emission, labels)] for emission in emission_of)
        return [Candidates(own, np.zeros((1, len(FEATURES)))) for own in texts]
    attention = load_attention(model)
    encoded = read_emissions(emissions, clips, STATES) if attention else repeat(None)
    own = attention.written(encoded, quiet=False) if attention else repeat(None)
    decoder = BeamDecoder(labels, language, Settings(decode=search), attention)
    bar = tqdm(emission_of, "decode", unit="clip")
    return [decoder.candidates(*clip) for clip in zip(bar, encoded, own, strict=False)]


def copy_model(model: Path, decoded: Path) -> None:
    """Copy the files of a model."""
    decoded.mkdir(parents=True, exist_ok=True)
    for file in sorted(path for path in model.iterdir() if path.is_file()):
        with whole(decoded / file.name) as partial:
            shutil.copyfile(file, partial)


def main(
    model: Path,
    language: Path,
    corpus: Path,
    emissions: Path,
    decoded: Path,
    evaluation: Path,
    predictions: Path,
) -> None:
    params, names = load_params(Evaluate, "evaluate"), load_names()
    search = load_params(Decode, "decode").search
    if search != "greedy" and not is_installed():
        print(f"decode.search: {MISSING}", file=sys.stderr)
        search = "greedy"
    labels, clips = load_description(model).labels, Corpus(corpus)
    dev, scored = clips.of(CHOOSING), clips.of(*SCORED)
    found = candidates(model, search, language, emissions, dev + scored)
    settings = Settings(decode="greedy")
    if search != "greedy":
        settings = tuned(found[: len(dev)], [clip.text for clip in dev], search)
    copy_model(model, decoded)
    save_decoder(decoded / FOLDER, settings, language)
    of = provenance(corpus=corpus, model=model, language=language, settings=params)
    report = DecodedClips(scored, found[len(dev) :], settings)
    words = read_lexicon(language)
    lines = report.write(evaluation, predictions, labels, words, params, of, names)
    print("\n".join(lines))


if __name__ == "__main__":
    run_stage(main)
