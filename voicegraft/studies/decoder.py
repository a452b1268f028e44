"""The contract of a decoder: an upstream's own way from audio to text.

A decoder is a file of voicegraft/decoders, named by the study zero_shot, with

    open_decoder(folder, language, seed) -> Decoder

where `folder` is what fetch_model left, and a Decoder turns a wave of float32 (samples,) into text
in its own spelling.
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
    """Return the decoder of that name, told the language.

    Raises:
        ValueError: if there is none, naming those that are here, or if its library is missing,
            naming what brings it.
    """
    if name not in names():
        raise ValueError(f"zero_shot: {name!r} is not in voicegraft/decoders: {names()}")
    return plugins.load("decoders", name).open_decoder(folder, language, seed)
