"""Tones of three pitches and noise, and a tiny model that tells the pitches apart."""

from pathlib import Path

import numpy as np
import torch
from invented import MARGIN_SECONDS
from sklearn.linear_model import LogisticRegression

from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.model.upstream import plugin
from voicegraft.pipeline.packed import PackedWriter
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance, write_manifest

PITCHES = {"low": 300.0, "middle": 900.0, "high": 2500.0, "noise": 0.0}
SPLITS = ("train", "train", "dev", "test", "unseen")
ONE_FRAME = '''
from torch import nn
import torch
from voicegraft.model.head import Head
from voicegraft.model.batches import Padded


class MeanHead(Head):
    """Log-probabilities of classes from the mean of a clip's states."""

    subsampling = 1

    def __init__(self, size, labels):
        super().__init__()
        self.label = nn.Linear(size, labels)

    def forward(self, states):
        mean = states.zeroed().values.sum(1) / states.lengths[:, None]
        return Padded(self.label(mean).log_softmax(-1)[:, None], torch.ones_like(states.lengths))


build = MeanHead
'''


def write_corpus(folder: Path, splits: tuple[str, ...] = SPLITS, clips: int = 160) -> Corpus:
    """Write tones of known pitch, and noise, by two voices of which each is its own octave."""
    rng = np.random.default_rng(1)
    folder.mkdir()
    utterances = []
    with PackedWriter(folder / "audio.npy", np.int16) as audio:
        for number in range(clips):
            label, split = list(PITCHES)[number % 4], splits[number // 4 % len(splits)]
            voice = number // 2 % 2
            time = np.arange(round((0.15 + 0.01 * (number % 7)) * SAMPLE_RATE)) / SAMPLE_RATE
            wave = 8_000 * np.sin(2 * np.pi * PITCHES[label] * (1 + voice / 20) * time)
            samples = (wave + rng.normal(0, 900, len(time))).astype(np.int16)
            own = f"clip{number}", split, f"voice{voice}", f"session{number % 11}"
            utterances.append(
                Utterance(*own, audio.append(samples), len(samples), "secret words", label)
            )
    write_manifest(folder / "manifest.csv", utterances)
    return Corpus(folder)


def tiny(labels: list[str], head: str) -> GraftedModel:
    torch.manual_seed(1)
    config = plugin("whisper").TINY
    return GraftedModel(
        Description(
            upstream="whisper",
            upstream_config=config,
            margin_seconds=MARGIN_SECONDS,
            head=head,
            layer=config["blocks"],
            labels=labels,
        )
    ).eval()


def train(model: GraftedModel, corpus: Corpus) -> None:
    """Fit the head by logistic regression on the means of what it will hear."""
    clips = [u for u in corpus.of("train") if u.label in model.labels]
    upstream, top = model.upstream, model.description.top
    with torch.inference_mode():
        windows = [upstream.window(torch.from_numpy(corpus.wave(u)), MARGIN_SECONDS) for u in clips]
        states = [upstream.encode([w], [top])[top].values.mean(0).numpy() for w in windows]
    fitted = LogisticRegression(max_iter=5_000).fit(np.stack(states), [u.label for u in clips])
    assert fitted.classes_.tolist() == model.labels
    model.head.label.weight.data = torch.tensor(fitted.coef_, dtype=torch.float32)
    model.head.label.bias.data = torch.tensor(fitted.intercept_, dtype=torch.float32)
