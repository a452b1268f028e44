"""Emissions of made-up words, with errors that only a language model can mend."""

import numpy as np
import torch

from voicegraft.language import folder
from voicegraft.language.folder import Language, spelling_of, symbols_of
from voicegraft.language.kneser_ney import estimate

LABELS = ["", " ", *"abcdeř"]
SENTENCES = ["abba cede", "cede abba", "řada beře", "beře abba", "abba řada beře"] * 4


def language_of(sentences=SENTENCES):
    """Return models of the words and symbols of `sentences`."""
    words = [sentence.split() for sentence in sentences]
    model = estimate(words, 2)
    return Language(model, estimate(map(symbols_of, words), 4), spelling_of(model, 3))


def write_language(path, sentences=SENTENCES):
    """Write models of the words and symbols of `sentences`, and return their folder."""
    folder.write_language(path, language_of(sentences))
    return path


def emission(text, second=None, sure=0.9, labels=LABELS):
    """Return log-probabilities (frames, labels): a symbol and a blank for each letter of `text`.

    Args:
        text: what is likeliest.
        second: a text of the same length whose letters have the rest; None spreads it evenly.
        sure: the probability of the likeliest.
    """
    frames = []
    for place, symbol in enumerate(text):
        for likeliest, other in ((symbol, (second or text)[place]), ("", "")):
            frame = np.full(len(labels), 1e-4)
            frame[labels.index(other)] = 1 - sure
            frame[labels.index(likeliest)] = sure
            frames.append(frame / frame.sum())
    return torch.from_numpy(np.log(np.array(frames, np.float32)))
