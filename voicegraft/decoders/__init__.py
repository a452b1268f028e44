"""The contract of a decoder: an upstream's own way from audio to text, with nothing trained here.

A decoder is a file of this folder, named in params.yaml under transfer.decoders, with

    open_decoder(folder, language, seed) -> Decoder

where `folder` is what fetch_model left, and a Decoder turns a wave of float32 (samples,) into text
in its own spelling.
"""

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

Decoder = Callable[[np.ndarray], str]


def names() -> list[str]:
    """Return the decoders in this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def open_decoder(name: str, folder: Path, language: str, seed: int) -> Decoder:
    """Return the decoder of that name, told the language.

    Raises:
        ValueError: if there is none, naming those that are here, or if its library is missing,
            naming what brings it.
    """
    if name not in names():
        raise ValueError(f"transfer.decoders: {name!r} is not in voicegraft/decoders: {names()}")
    return importlib.import_module(f"{__name__}.{name}").open_decoder(folder, language, seed)
