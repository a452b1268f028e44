"""The contract of a decoder: an upstream's own way from audio to text.

A decoder is a file of voicegraft/decoders, named in the study zero_shot, with

    open_decoder(folder, language, seed) -> Decoder

where `folder` is written by fetch_model, and a Decoder maps a wave, float32 (samples,), to text in
its own spelling.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from voicegraft.pipeline import plugins

Decoder = Callable[[np.ndarray], str]


def names() -> list[str]:
    """Return the decoders in voicegraft/decoders."""
    return plugins.names("decoders")


def open_decoder(name: str, folder: Path, language: str, seed: int) -> Decoder:
    """Return the decoder of that name for the language.

    Raises:
        ValueError: if there is none, naming the decoders, or if its library is missing, naming the
            extra to install.
    """
    if name not in names():
        raise ValueError(f"zero_shot: {name!r} is not in voicegraft/decoders: {names()}")
    return plugins.load("decoders", name).open_decoder(folder, language, seed)
