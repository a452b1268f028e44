"""CTC with the decoder that wav2vec2's users take, pyctcdecode, beside ours: its default weights.

    python -m benchmarks.usual_decoder [MODEL …]

Reads   of each MODEL: EMISSIONS, PREDICTIONS greedy and with the language model, as the stages
        leave them; LANGUAGE, whose words both decoders have; CORPUS; params.yaml
Prints  a table in Markdown: error rates with intervals on test and unseen; another, what ours
        changes from it on the same clips; how fast it decodes

Needs `pip install --no-deps pyctcdecode==0.5.0 kenlm==0.3.0 pygtrie hypothesis sortedcontainers`:
pyctcdecode asks for a numpy below 2, and works with numpy 2. It weighs the language model with 0.5
and a word with 1.5, has a beam of 100, and writes words that the lexicon lacks at a price of 10.
"""

import logging
import time
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.changes import HEADER as CHANGES
from benchmarks.changes import changes, written
from benchmarks.results_table import HEADER, ROWS, row
from voicegraft.evaluation.predictions import SCORED, read_emissions
from voicegraft.evaluation.summary import Evaluate
from voicegraft.language.folder import WORDS, read_lexicon
from voicegraft.model.saved import load_description
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.speech.manifest import Corpus

from pyctcdecode import build_ctcdecoder  # isort: skip


def main(
    models: list[str],
    folder: Path = Path("models"),
    language: Path = Path("models/language"),
    corpus: Path = Path("data/corpus"),
    emissions: Path = Path("data/emissions"),
    predictions: Path = Path("data/predictions"),
) -> None:
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)  # pyctcdecode's, of labels that it does not know
    params, clips = load_params(Evaluate, "evaluate"), Corpus(corpus).of(*SCORED)
    audio, lines, paired, paces = sum(clip.seconds for clip in clips), [], [], []
    for model in models:
        labels = ["", *load_description(folder / model).labels[1:]]
        ways = {ROWS[model]: written(predictions / f"{model}.tsv", clips)}
        decoder = build_ctcdecoder(labels, str(language / WORDS), read_lexicon(language))
        found = read_emissions(emissions / f"{model}.safetensors", clips)
        began = time.perf_counter()
        texts = [decoder.decode(own.float().numpy()) for own in tqdm(found, "decode", unit="clip")]
        paces.append(f"{model}: {audio / (time.perf_counter() - began):.0f} × real time")
        ways |= {f"{model} with pyctcdecode and its weights": texts}
        ours = written(predictions / f"{model}_lm.tsv", clips)
        ways |= {ROWS[f"{model}_lm"]: ours}
        lines += [row(name, clips, own, params) for name, own in ways.items()]
        paired.append(changes(f"{model}, from pyctcdecode to ours", clips, texts, ours, params))
    print(HEADER + "".join(lines) + "\n" + CHANGES + "".join(paired) + "\n" + "; ".join(paces))


if __name__ == "__main__":
    run_stage(main)
