"""A store of many hours, and a manifest of millions of clips: time, memory, what DVC does again.

    python -m benchmarks.scale

Writes  benchmarks/results.json, its part `scale`
Knobs   none

The clips are made up, and so are their states: slices of random numbers, of which every clip has
its own. So what is measured is the store, its index, DVC and the sampler; audio is neither read nor
encoded. A hundred hours need 25 MB of disk for each of `--size` in WORK, and once more a tenth.
"""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from benchmarks.results import keep
from voicegraft.pipeline.command import run_stage

ROOT = Path(__file__).parent.parent
CLIP_SECONDS, FRAMES_A_SECOND, SAMPLE_RATE = 5, 50, 16_000
SPEAKER_CLIPS = 720
"""An hour of each speaker."""
STAGE = """\
stages:
  store:
    cmd: python -c "from benchmarks.scale import fill; fill('clips.csv', 'kept', 'store', {size})"
    deps: [clips.csv]
    outs: [store]
"""


def ids_of(hours: float, first: int = 0) -> list[str]:
    """Return the ids of made-up clips, hour by hour a speaker."""
    count = round(hours * 3600 / CLIP_SECONDS)
    return [f"{n // SPEAKER_CLIPS:06}/{n:09}" for n in range(first, first + count)]


def frames_of(clip: str) -> int:
    """Return a length around the mean, which depends on the id alone."""
    return int.from_bytes(hashlib.sha256(clip.encode()).digest()[:2]) % 401 + 50


def fill(clips: str, kept: str, folder: str, size: int) -> None:
    """Write a store of clips, as the stage does, from states that are there at once."""
    from voicegraft.embedding.kept import KeptShards
    from voicegraft.embedding.writer import write_store

    frames = {clip: frames_of(clip) for clip in Path(clips).read_text().split()}
    pool = np.random.default_rng(1).normal(size=(10_000, size)).astype(np.float16)
    facts = {"silence_frames": 0, "speeds": []}
    shards = KeptShards(Path(kept))
    with write_store(Path(folder), [0], size, frames, facts, kept=shards) as store:
        for shard, members in store.shards():
            keys = [{0: hashlib.sha256(clip.encode()).digest()} for clip in members]
            if store.is_kept(shard, keys):
                continue
            for clip, key in zip(members, keys, strict=True):
                first = int.from_bytes(key[0][:2]) % 9_000
                store.add(clip, {0: pool[first : first + frames[clip]]})


def utterances_of(clips: Sequence[str]) -> list:
    """Return made-up utterances of these ids."""
    from voicegraft.speech.manifest import Utterance

    lengths = [frames_of(clip) * SAMPLE_RATE // FRAMES_A_SECOND for clip in clips]
    speakers = [clip.partition("/")[0] for clip in clips]
    rows = zip(clips, speakers, lengths, strict=True)
    return [Utterance(clip, "train", who, "", 0, length, "text") for clip, who, length in rows]


def fit_of() -> object:
    """Return the knobs of train_head."""
    from voicegraft.pipeline.params import load_params
    from voicegraft.training.fit import Fit

    os.chdir(ROOT)
    return load_params(Fit, "train_head")


def read_epoch(folder: str, hours: float) -> dict[str, float]:
    """Read every clip as an epoch does; return the time up to the first batch, and in all."""
    from voicegraft.embedding.store import Store
    from voicegraft.training.fit import steps_of_epoch
    from voicegraft.training.inputs import StoredStates, read_ahead

    fit, store = fit_of(), Store(Path(folder))
    inputs, utterances = StoredStates(store, 0, fit.masking), utterances_of(ids_of(hours))
    began, first = time.perf_counter(), None
    batches = list(chain.from_iterable(steps_of_epoch(utterances, fit, 1)))
    for batch in read_ahead(batches, inputs):
        for utterance in batch:
            inputs(utterance)
        first = first or time.perf_counter() - began
    return {"first_batch_seconds": first, "epoch_seconds": time.perf_counter() - began}


def start_epoch(hours: float) -> dict[str, float]:
    """Return the time in which an epoch of so many hours is dealt to batches."""
    from voicegraft.training.fit import steps_of_epoch

    fit, utterances = fit_of(), utterances_of(ids_of(hours))
    began = time.perf_counter()
    steps_of_epoch(utterances, fit, 1)
    return {"seconds": time.perf_counter() - began}


def write_millions(folder: str, rows: int) -> dict[str, float]:
    """Write a manifest and an index of so many clips."""
    sides, at, row = ("train",) * 8 + ("dev", "test"), 0, 0
    with (
        open(Path(folder) / "manifest.csv", "w", encoding="utf-8") as manifest,
        open(Path(folder) / "index.csv", "w", encoding="utf-8") as index,
    ):
        manifest.write("id,split,speaker,session,first_sample,samples,text\n")
        index.write("id,shard,first_row,frames\n")
        for n in range(rows):
            clip, frames = f"{n // SPEAKER_CLIPS:06}/{n:09}", n * 7919 % 401 + 50
            samples = frames * SAMPLE_RATE // FRAMES_A_SECOND
            text = "a sentence of some words that somebody says"
            side = sides[n % 10]
            manifest.write(f"{clip},{side},{n // SPEAKER_CLIPS},,{at},{samples},{text}\n")
            row = 0 if n % 1000 == 0 else row
            index.write(f"{clip},{n // 1000:016x},{row},{frames}\n")
            at, row = at + samples, row + frames
    return {}


def read_millions(folder: str) -> dict[str, float]:
    """Read splits and index, and deal an epoch to batches; return the seconds of each."""
    from voicegraft.embedding.index import read_index
    from voicegraft.speech.rows import read_rows
    from voicegraft.training.fit import steps_of_epoch

    fit, marks = fit_of(), [time.perf_counter()]
    train = read_rows(Path(folder) / "manifest.csv").of("train")
    marks.append(time.perf_counter())
    steps = steps_of_epoch(train, fit, 1)
    first = [utterance.id for utterance in chain.from_iterable(steps[0])]
    marks.append(time.perf_counter())
    index = read_index(Path(folder) / "index.csv")
    assert all(clip in index.number for clip in first)
    marks.append(time.perf_counter())
    return dict(zip(("splits", "sampler", "index"), np.diff(marks).tolist(), strict=True))


def apart(task: str, *arguments: object) -> dict[str, float]:
    """Run a function of this file in a process of its own; return what it does, and its peak."""
    code = f"""\
import json, resource
from benchmarks import scale
found = scale.{task}(*{arguments!r})
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
print(json.dumps(found | {{"peak_gigabytes": peak}}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


class Workspace:
    """A folder in which DVC runs one stage, which writes the store."""

    def __init__(self, folder: Path, size: int):
        self.folder = folder
        folder.mkdir(parents=True)
        self._dvc("init", "--no-scm")
        self._dvc("config", "cache.type", "hardlink,copy")
        (folder / ".dvcignore").write_text("kept\n")
        (folder / "dvc.yaml").write_text(STAGE.format(size=size))

    def repro(self, clips: Sequence[str]) -> dict[str, float]:
        """Make the store of these clips; return what it took, and what is new in it."""
        (self.folder / "clips.csv").write_text("\n".join(clips))
        before, used = self._shards(), resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        self._dvc("repro")
        seconds = time.perf_counter() - began
        after, now = self._shards(), resource.getrusage(resource.RUSAGE_CHILDREN)
        new = [path for path, inode in after.items() if before.get(path) != inode]
        processor = now.ru_utime - used.ru_utime + now.ru_stime - used.ru_stime
        return {
            "seconds": seconds,
            "processor_seconds": processor,
            "shards": len(after),
            "new_shards": len(new),
            "gigabytes": sum(path.stat().st_size for path in after) / 1e9,
            "new_gigabytes": sum(path.stat().st_size for path in new) / 1e9,
            "peak_gigabytes": now.ru_maxrss * 1024 / 1e9,  # of any process so far
        }

    def _shards(self) -> dict[Path, int]:
        return {p: p.stat().st_ino for p in (self.folder / "store").glob("*/*.npy")}

    def _dvc(self, *arguments: str) -> None:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [arguments[0], "--quiet", *arguments[1:]]
        output = subprocess.DEVNULL
        subprocess.run(
            ["dvc", *command], cwd=self.folder, env=environment, check=True, stdout=output
        )


def main(
    hours: float = 100,
    size: int = 128,
    rows: int = 10_000_000,
    work: Path = Path(".voicegraft/bench/scale"),
) -> None:
    shutil.rmtree(work, ignore_errors=True)
    space, clips = Workspace(work.absolute() / "project", size), ids_of(hours)
    found: dict[str, object] = {"hours": hours, "size": size, "rows": rows}
    found["all new"] = space.repro(clips)
    clips += ids_of(hours / 100, len(clips))
    found["1 % added, of new speakers"] = space.repro(sorted(clips))
    middle = len(clips) // 2
    del clips[middle : middle + len(clips) // 100]
    found["1 % removed from the middle"] = space.repro(clips)
    del clips[::100]
    found["1 % removed, evenly"] = space.repro(clips)
    found["nothing changed"] = space.repro(clips)
    print(json.dumps(found, indent=2), flush=True)
    space.repro(ids_of(hours))
    found["read an epoch"] = apart("read_epoch", str(space.folder / "store"), hours)
    shutil.rmtree(work)
    found["start an epoch of 1000 h"] = apart("start_epoch", 1000)
    work.mkdir(parents=True)
    apart("write_millions", str(work.absolute()), rows)
    found["rows of a manifest"] = apart("read_millions", str(work.absolute()))
    shutil.rmtree(work)
    keep("scale", found)


if __name__ == "__main__":
    run_stage(main)
