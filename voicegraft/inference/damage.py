"""Recordings that break off: what there is of them is used."""

from collections.abc import Iterable, Iterator

import numpy as np

from voicegraft.speech.audio import AudioError


class UntilDamage:
    """Hand on the blocks of a recording up to where it breaks off, and keep the reason."""

    def __init__(self, blocks: Iterable[np.ndarray]):
        self.blocks, self.damage = blocks, ""

    def __iter__(self) -> Iterator[np.ndarray]:
        samples = 0
        try:
            for block in self.blocks:
                samples += len(block)
                yield block
        except AudioError as error:
            if not samples:
                raise
            self.damage = str(error)
