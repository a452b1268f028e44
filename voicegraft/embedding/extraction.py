"""Fill a store with states: from the cache, or by a frozen upstream in batches of clips."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from voicegraft.embedding.cache import Cache
from voicegraft.embedding.takes import Take
from voicegraft.embedding.writer import StoreWriter
from voicegraft.model.batches import batches_by_length
from voicegraft.model.precision import Precision, products_in
from voicegraft.model.upstream import Upstream
from voicegraft.speech.manifest import Corpus

States = dict[int, np.ndarray]
"""States of one take by layer: float16 (frames, size)."""
Keys = Callable[[Take], dict[int, bytes]]
"""Return the cache key of a take's states for each layer."""
Encode = Callable[[list[Take]], Iterator[Mapping[Take, States]]]


@torch.inference_mode()
def encode(
    upstream: Upstream,
    corpus: Corpus,
    layers: Sequence[int],
    margin_seconds: float,
    precision: Precision,
    batch_seconds: float,
    takes: Sequence[Take],
) -> Iterator[dict[Take, States]]:
    """Yield batches of takes with their states, the shortest takes first."""
    lengths = [take.samples for take in takes]
    batches = batches_by_length(lengths, round(batch_seconds * upstream.sample_rate))
    for chosen, waves in _read_ahead(corpus, ([takes[i] for i in batch] for batch in batches)):
        windows = [upstream.window(w.to(upstream.device), margin_seconds) for w in waves]
        with products_in(precision, upstream.device):
            encoded = upstream.encode(windows, layers)
        clips = {k: [c.half().cpu().numpy() for c in encoded[k].clips()] for k in layers}
        yield {take: {k: clips[k][i] for k in layers} for i, take in enumerate(chosen)}


def _read_ahead(
    corpus: Corpus, batches: Iterable[list[Take]]
) -> Iterator[tuple[list[Take], list[Tensor]]]:
    """Yield each batch with its waves, which are read while the previous batch is encoded.

    Clips of similar length lie anywhere in the file: with a corpus larger than the memory, encoding
    would wait for the disk at each clip.
    """

    def read(batch: list[Take]) -> tuple[list[Take], list[Tensor]]:
        return batch, [take.wave(corpus) for take in batch]

    with ThreadPoolExecutor(1) as reader:
        upcoming: Future | None = None
        for batch in batches:
            ready, upcoming = upcoming, reader.submit(read, batch)
            if ready:
                yield ready.result()
        if upcoming:
            yield upcoming.result()


def fill(
    store: StoreWriter, takes: Iterable[Take], keys: Keys, cache: Cache, encode: Encode
) -> Iterator[tuple[Take, bool]]:
    """Add every take to the store; yield each with whether it had to be encoded.

    What is in a shard of an earlier store is not read. Each encoded batch goes into the cache
    before the store, so a killed run continues after its last batch. Where the cache has lost a
    part of a batch, all of it is encoded again: with other clips around it, a clip has states of
    other rounding.
    """
    by_take: dict[Take, dict[int, bytes]] = {}
    recalled: set[Take] = set()
    by_id = {take.id: take for take in takes}
    for shard, ids in store.shards():
        there = [by_id[take] for take in ids]
        by_take |= {take: keys(take) for take in there}
        is_kept = store.is_kept(shard, [by_take[take] for take in there])
        for take in there:
            if is_kept:
                cache.touch(by_take[take].values())
            elif (states := _recall(cache, by_take[take], store.size)) is not None:
                store.add(take.id, states)
            else:
                continue
            recalled.add(take)
            yield take, False
    # In the order of `takes`, on which the batches depend that clips of the same length share.
    wanted = [t for t in by_id.values() if t not in recalled or _is_torn(cache, by_take[t])]
    for batch in encode(wanted):
        cache.write(_entries(batch, by_take.__getitem__))
        for take, states in batch.items():
            store.add(take.id, states)
            if take not in recalled:
                yield take, True


def keep(
    takes: Iterable[Take], keys: Keys, cache: Cache, encode: Encode
) -> Iterator[tuple[list[Take], bool]]:
    """Encode the takes that the cache lacks, for a store that is written elsewhere or later.

    Yield the takes that it had, then each batch, with whether they had to be encoded.

    Raises:
        OSError: if the cache keeps nothing more, as on a full disk.
    """
    had, lacked = [], []
    for take in takes:
        (had if all(map(cache.has, keys(take).values())) else lacked).append(take)
    yield had, False
    for batch in encode(lacked):
        cache.write(entries := _entries(batch, keys))
        if not all(map(cache.has, entries)):
            raise OSError(f"{cache.folder} kept nothing of the last batch: is the disk full?")
        yield list(batch), True


def _entries(batch: Mapping[Take, States], keys: Keys) -> dict[bytes, bytes]:
    return {key: batch[t][layer].tobytes() for t in batch for layer, key in keys(t).items()}


def _recall(cache: Cache, keys: Mapping[int, bytes], size: int) -> States | None:
    found = {layer: cache.read(key) for layer, key in keys.items()}
    if None in found.values():
        return None
    return {k: np.frombuffer(v, np.float16).reshape(-1, size) for k, v in found.items()}


def _is_torn(cache: Cache, keys: Mapping[int, bytes]) -> bool:
    return any(cache.is_torn(key) for key in keys.values())
