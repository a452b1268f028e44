"""Fill a store from the cache, and encode the takes that are not in it."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from voicegraft.embedding.cache import Cache
from voicegraft.embedding.encoding import States
from voicegraft.embedding.keys import Keys
from voicegraft.embedding.store import StoreWriter
from voicegraft.embedding.takes import Take

Encode = Callable[[list[Take]], Iterator[Mapping[Take, States]]]


def fill(
    store: StoreWriter, takes: Iterable[Take], keys: Keys, cache: Cache, encode: Encode
) -> Iterator[tuple[Take, bool]]:
    """Add every take to the store; yield each with whether it had to be encoded.

    Each encoded batch goes into the cache before the store, so a killed run continues after its
    last batch. Where the cache has lost a part of a batch, all of it is encoded again: with other
    clips around it, a clip has states of other rounding.
    """
    by_take: dict[Take, dict[int, bytes]] = {}
    recalled: set[Take] = set()
    for take in takes:
        by_take[take] = keys(take)
        if (states := _recall(cache, by_take[take], store.size)) is not None:
            store.add(take.id, states)
            recalled.add(take)
            yield take, False
    for batch in encode([t for t in by_take if t not in recalled or _is_torn(cache, by_take[t])]):
        cache.write(
            {
                key: batch[take][layer].tobytes()
                for take in batch
                for layer, key in by_take[take].items()
            }
        )
        for take, states in batch.items():
            store.add(take.id, states)
            if take not in recalled:
                yield take, True


def _recall(cache: Cache, keys: Mapping[int, bytes], size: int) -> States | None:
    found = {layer: cache.read(key) for layer, key in keys.items()}
    if None in found.values():
        return None
    return {k: np.frombuffer(v, np.float16).reshape(-1, size) for k, v in found.items()}


def _is_torn(cache: Cache, keys: Mapping[int, bytes]) -> bool:
    return any(cache.is_torn(key) for key in keys.values())
