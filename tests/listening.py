"""A tiny model that tells pitches apart, and recordings of them."""

import numpy as np
import soundfile
import torch
from invented import LAYERS, MARGIN_SECONDS, PITCHES, model

from voicegraft.model.classifier import build
from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.model.pooling import pool_clips
from voicegraft.model.saved import save_model
from voicegraft.speech.manifest import SAMPLE_RATE


def tone(letter, seconds=0.4, seed=0):
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(seed).normal(0, 0.002, len(time))
    return (0.25 * np.sin(2 * np.pi * PITCHES[letter] * time) + noise).astype(np.float32)


def write_model(path):
    """Write a model that was fitted on clips of one pitch each."""
    description = model().description.model_dump() | {
        "head": "logistic",
        "pooling": "mean_std",
        "labels": sorted(PITCHES),
        "layer": LAYERS[-1],
    }
    torch.manual_seed(1)
    grafted = GraftedModel(Description(**description)).eval()
    grafted.head = build("logistic", "mean_std", grafted.upstream.size, len(PITCHES))
    pairs = [(letter, seed) for letter in sorted(PITCHES) for seed in range(9)]
    waves = [torch.from_numpy(tone(letter, 0.3 + seed / 30, seed)) for letter, seed in pairs]
    upstream = grafted.upstream
    with torch.no_grad():
        spans = [upstream.window(wave, MARGIN_SECONDS) for wave in waves]
        states = upstream.encode(spans, LAYERS[-1:])[LAYERS[-1]].clips()
    targets = np.array([sorted(PITCHES).index(letter) for letter, _ in pairs])
    groups = [str(i) for i in range(len(pairs))]
    grafted.head.classifier.fit(pool_clips(grafted.head.pooling, states), targets, groups)
    save_model(grafted, path)
    return path


def write(path, *parts):
    soundfile.write(path, np.concatenate(parts), SAMPLE_RATE)
    return path
