"""Encode on a cluster: Ray gives every node encoders, which fill the cache together.

A task is some whole batches of takes, about an hour of speech, as their ids. No audio and no states
travel by Ray: an encoder reads the corpus at the path that this machine has it, and writes into the
cache. What is in the cache is the checkpoint: whatever dies, the tasks that were under way alone
are begun again, and of these only what is not in the cache. The store is written afterwards, by one
process, so its bytes are those of a run without Ray.
"""

import time
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from contextlib import nullcontext

from tqdm import tqdm

from voicegraft.embedding.cache import LOOK_SECONDS, Cache
from voicegraft.embedding.extractor import Extractor
from voicegraft.embedding.node import Job
from voicegraft.embedding.pool import Pool, Task, connected
from voicegraft.embedding.takes import Take

TASK_SECONDS = 3600
FEWEST_TASKS = 64
"""A smaller corpus has smaller tasks, so that no node waits long for the last one."""
MOST_BAD = 0.01
"""The share of takes that fail beyond which the encoder is at fault, and not they."""
VISIBLE_SECONDS = 90
"""Networked file systems show a new file to others after up to a minute."""


def tasks(extractor: Extractor, lacking: Sequence[Take]) -> deque[Task]:
    """Return the takes in tasks, the longest first: so short ones are left for the end."""
    size = min(TASK_SECONDS, sum(take.seconds for take in lacking) / FEWEST_TASKS)
    made, seconds = deque([Task([])]), 0.0
    for batch in extractor.batches(lacking):
        if seconds >= size:
            made.appendleft(Task([]))
            seconds = 0.0
        made[0].ids += [take.id for take in batch]
        seconds += sum(take.seconds for take in batch)
    return made


def fill_cache(extractor: Extractor, job: Job, cache: Cache, bar: tqdm) -> int:
    """Have all takes that the cache lacks encoded into it; return how many were.

    Raises:
        ValueError: if takes cannot be encoded, naming each; all others are in the cache then.
        RuntimeError: if there is no Ray, or encoders die again and again.
    """
    lacking = {take.id: take for take in _lacking(extractor, cache, extractor.takes)}
    bar.update(sum(t.seconds for t in extractor.takes if t.id not in lacking))
    encoded, failed = 0, {}
    with connected() if lacking else nullcontext() as ray:
        pool = Pool(ray, job, tasks(extractor, [*lacking.values()]))
        for task, done in pool.run():
            if not encoded and cache.shared is None and not done.failed:
                _await(extractor, cache, [lacking[name] for name in task.ids])
            encoded += done.encoded
            bar.set_postfix(nodes=len({*pool.nodes.values()}), encoders=len(pool.nodes))
            bar.update(done.seconds)
            failed |= done.failed
            if len(failed) > MOST_BAD * len(extractor.takes):
                break
    if failed:
        named = "".join(f"\n{name}: {why}" for name, why in sorted(failed.items()))
        raise ValueError(f"{len(failed)} clips cannot be encoded; the others are kept:{named}")
    if cache.shared is not None:
        cache.shared.look()
    _await(extractor, cache, lacking.values())
    return encoded


def _lacking(extractor: Extractor, cache: Cache, takes: Iterable[Take]) -> list[Take]:
    return [t for t in takes if not all(map(cache.has, extractor.keys(t).values()))]


def _await(extractor: Extractor, cache: Cache, takes: Collection[Take]) -> None:
    """Wait until this machine sees the states of takes in the cache.

    Raises:
        ValueError: if it does not, even when its file system has forgotten the old state.
    """
    until = time.monotonic() + VISIBLE_SECONDS
    while takes := _lacking(extractor, cache, takes):
        if time.monotonic() > until:
            raise ValueError(
                f"nodes have encoded {len(takes)} clips whose states this machine cannot see in "
                f"{cache.folder}: it must be a folder that all nodes have in common, or "
                "extract_embeddings.shared_cache must be set"
            )
        time.sleep(LOOK_SECONDS)
