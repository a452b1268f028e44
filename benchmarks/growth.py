"""How time and memory of extraction grow with the corpus.

    python -m benchmarks.growth models/upstream data/corpus

Reads   UPSTREAM and CORPUS, as the stages leave them
Writes  benchmarks/results.json, its part `growth`
Knobs   extract_embeddings, but for layers, speeds and augment

The corpus is repeated, each time with other noise in the last bit, so that no clip is in the cache.
Layer 1 alone is stored: what may grow with the corpus (lists, tables, cache, store) is the same for
every layer, and the blocks above would hide it behind hours of arithmetic. A hundred hours need
50 GB of disk in WORK, and half an hour.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from dvc.utils.serialize import modify_yaml
from tqdm import tqdm

from benchmarks.results import keep
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.packed import PackedWriter
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, write_manifest

ROOT = Path(__file__).parent.parent


def repeat(corpus: Corpus, hours: float, folder: Path) -> None:
    """Write a corpus of so many hours: the clips of `corpus` in turn, none twice the same."""
    noise, utterances, needed = np.random.default_rng(1), [], hours * 3600 * SAMPLE_RATE
    folder.mkdir(parents=True)
    with PackedWriter(folder / "audio.npy", np.int16) as audio, tqdm(total=round(needed)) as bar:
        while audio.rows < needed:
            for utterance in corpus.utterances:
                samples = corpus.samples(utterance)
                bits = noise.integers(2, size=len(samples), dtype=np.int16)
                name = f"{len(utterances)}/{utterance.id}"
                first = audio.append(samples ^ bits)
                utterances.append(replace(utterance, id=name, first_sample=first))
                bar.update(len(samples))
                if audio.rows >= needed:
                    break
    write_manifest(folder / "manifest.csv", utterances)


def grown(corpus: Path, hours: Sequence[float], work: Path) -> Iterator[float]:
    """Yield each of `hours` while WORK has a corpus of so many; afterwards it is gone."""
    for amount in hours:
        shutil.rmtree(work, ignore_errors=True)
        repeat(Corpus(corpus), amount, work / "corpus")
        yield amount
        shutil.rmtree(work)


def extract(upstream: Path, corpus: Path, folder: Path, layer: int = 1) -> tuple[float, float]:
    """Run the stage for one layer; return its seconds and its peak memory in gigabytes."""
    shutil.copy(ROOT / "params.yaml", folder)
    with modify_yaml(folder / "params.yaml") as params:
        params["extract_embeddings"] |= {"layers": [layer], "speeds": [], "augment": []}
    outputs = [folder / "cache", folder / "embeddings"]
    command = [sys.executable, str(ROOT / "stages" / "extract_embeddings.py")]
    command += [str(path.absolute()) for path in (upstream, corpus, *outputs)]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"the stage ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - began, usage.ru_maxrss * 1024 / 1e9


def main(
    upstream: Path,
    corpus: Path,
    hours: list[float] = [1, 10, 100],  # noqa: B006 - typer copies it
    work: Path = Path(".voicegraft/bench/growth"),
) -> None:
    found: dict[str, dict[str, float]] = {}
    for amount in grown(corpus, hours, work):
        seconds, peak = extract(upstream, work / "corpus", work)
        found[f"{amount:g}"] = {"seconds": seconds, "peak_gigabytes": peak}
        keep("growth", {"hours": found})


if __name__ == "__main__":
    run_stage(main)
