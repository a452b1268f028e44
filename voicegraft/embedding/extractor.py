"""An upstream before a corpus: what every process that encodes clips sets up for itself."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

from voicegraft.embedding.cache import Cache
from voicegraft.embedding.extraction import States, encode
from voicegraft.embedding.keys import keys_for
from voicegraft.embedding.knobs import ExtractEmbeddings, layers_of
from voicegraft.embedding.takes import Take, degraded_takes, takes
from voicegraft.model import upstream as upstreams
from voicegraft.model.batches import batches_by_length
from voicegraft.model.precision import Precision, bound_cache, on_this_machine
from voicegraft.speech.manifest import UNLABELLED, Corpus


class Extractor:
    """Encodes takes of a corpus as the knobs say.

    Args:
        upstream: folder, as fetch_model or build_control writes it.
        corpus: folder, as prepare_data writes it.
        precision: that of another process, where all have to agree; by default this machine's.

    Attributes:
        name: of the upstream.
        takes: all that a store of the corpus has, in its order.
        keys: gives the cache keys of a take.
    """

    def __init__(
        self,
        upstream: Path,
        corpus: Path,
        params: ExtractEmbeddings,
        precision: Precision | None = None,
    ):
        bound_cache()
        self.name, self.params = upstreams.name_in(upstream), params
        self.upstream, self.corpus = upstreams.load(upstream), Corpus(corpus)
        control = upstreams.is_control(self.name)
        self.layers = layers_of(len(self.upstream.blocks), params.layers, control)
        self.upstream.to("cuda" if torch.cuda.is_available() else "cpu")
        self.takes = takes(self.corpus.utterances, params.speeds, self.upstream.max_samples)
        for clip in self.corpus.of("train", UNLABELLED):
            self.takes += degraded_takes(clip, params.augment)
        self.precision = precision or on_this_machine(params.precision, self.upstream)
        window = self.upstream, self.layers, params.margin_seconds, self.precision
        self.keys = functools.cache(keys_for(*window, self.corpus))

    def encode(self, chosen: Sequence[Take]) -> Iterator[Mapping[Take, States]]:
        """Yield batches of takes with their states, the shortest takes first."""
        window = self.params.margin_seconds, self.precision, self.params.batch_seconds
        return encode(self.upstream, self.corpus, self.layers, *window, chosen)

    def frames(self) -> dict[str, int]:
        """Return the number of frames of each take, by id."""
        margin = self.params.margin_seconds
        return {take.id: self.upstream.frames(take.samples, margin) for take in self.takes}

    def check_room(self) -> None:
        """Raise ValueError unless the cache, through which all states go, has room for them."""
        layer = sum(self.frames().values()) * self.upstream.size * 2
        if (needed := layer * len(self.layers) / 1e9) > (room := self.params.cache_gigabytes):
            raise ValueError(
                f"params.yaml: extract_embeddings.cache_gigabytes is {room:g}, but states that "
                f"several processes encode meet in the cache, and take {needed:.1f}"
            )

    def batches(self, chosen: Sequence[Take]) -> list[list[Take]]:
        """Return the batches that `encode` would make of takes.

        Of any of these batches together it makes the same ones: each is full, and would be so
        before any longer clip. So whoever encodes whole batches, in whatever order and place, gets
        the states of one process that encodes all.
        """
        budget = round(self.params.batch_seconds * self.upstream.sample_rate)
        found = batches_by_length([take.samples for take in chosen], budget)
        return [[chosen[index] for index in batch] for batch in found]

    def part(self, number: int, parts: int) -> list[Take]:
        """Return the takes of part `number`, 1 to `parts`: one batch of each `parts`."""
        return [t for batch in self.batches(self.takes)[number - 1 :: parts] for t in batch]


def opened(folder: Path, params: ExtractEmbeddings) -> Cache:
    """Return the cache in a folder, in front of the shared one if there is one."""
    shared = None
    if params.shared_cache:
        from voicegraft.embedding.shared import SharedCache

        shared = SharedCache(params.shared_cache)
    return Cache(folder, round(params.cache_gigabytes * 1e9), shared)
