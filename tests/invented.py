"""An invented language of tones: each letter is a pitch, so a tiny model can learn to read it."""

from pathlib import Path

import numpy as np
import torch

from voicegraft.embedding.extraction import encode
from voicegraft.embedding.takes import takes
from voicegraft.embedding.writer import write_store
from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.model.layers import Layer
from voicegraft.model.upstream import plugin
from voicegraft.pipeline.packed import PackedWriter
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance, write_manifest

PITCHES = {"a": 400.0, "b": 1100.0, "ř": 2500.0}
LETTER_SECONDS, MARGIN_SECONDS = 0.06, 0.1
LAYERS = [0, 1, 2]
SPEEDS = [0.9, 1.1]


def spoken(text: str, rng: np.random.Generator) -> np.ndarray:
    """Return int16 samples: a tone and a pause for each letter, and a little noise."""
    time = np.arange(round(LETTER_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    tones = {letter: np.sin(2 * np.pi * pitch * time) for letter, pitch in PITCHES.items()}
    wave = np.concatenate([part for letter in text for part in (tones[letter], 0 * time)])
    return (8_000 * wave + rng.normal(0, 50, len(wave))).astype(np.int16)


def write_corpus(folder: Path, clips: int = 24) -> Corpus:
    """Write a prepared corpus of tones: two thirds train, the rest dev and test."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True)
    utterances = []
    with PackedWriter(folder / "audio.npy", np.int16) as audio:
        for number in range(clips):
            text = "".join(rng.permutation(list("abřabř"))[: 3 + number % 4])
            samples = spoken(text, rng)
            split = ("train", "train", "dev", "train", "train", "test")[number % 6]
            own = f"clip{number}", split, f"voice{number % 3}", f"session{number % 4}"
            utterances.append(Utterance(*own, audio.append(samples), len(samples), text))
    write_manifest(folder / "manifest.csv", utterances)
    return Corpus(folder)


def model(
    head: str = "ctc_linear", seed: int = 1, letters: str = "abř", layer: Layer | None = None
) -> GraftedModel:
    """Return a tiny upstream under a head on its last layer or others, all with random weights."""
    torch.manual_seed(seed)
    config = plugin("whisper").TINY
    return GraftedModel(
        Description(
            upstream="whisper",
            upstream_config=config,
            margin_seconds=MARGIN_SECONDS,
            head=head,
            layer=config["blocks"] if layer is None else layer,
            labels=["", *sorted(letters)],
        )
    )


def store_corpus(folder: Path, corpus: Corpus, grafted: GraftedModel) -> None:
    """Encode the corpus with the model's upstream, every layer of it."""
    upstream = grafted.upstream.eval()
    facts = {"upstream": "whisper", "upstream_config": upstream.config}
    facts |= {"margin_seconds": MARGIN_SECONDS, "speeds": SPEEDS}
    facts["silence_frames"] = upstream.silence_frames(MARGIN_SECONDS)
    chosen = takes(corpus.utterances, SPEEDS, upstream.max_samples)
    frames = {take.id: upstream.frames(take.samples, MARGIN_SECONDS) for take in chosen}
    with write_store(folder, LAYERS, upstream.size, frames, facts) as store:
        for batch in encode(upstream, corpus, LAYERS, MARGIN_SECONDS, "float32", 5.0, chosen):
            for take, states in batch.items():
                store.add(take.id, states)
