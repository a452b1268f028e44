"""What an export costs: texts, errors and speed of its ONNX files beside the model in torch.

    python -m benchmarks.exporting models/top3 data/corpus

Reads   MODEL, as train_head or finetune writes it; CORPUS, its clips of --splits
Writes  WORK, the exports; standard output, a table in Markdown
Knobs   evaluate, of the intervals

Every clip is read alone by each way in turn, on one thread, so that what slows the machine slows
all ways. A speed is torch's time over a way's, for all clips; its range is that of tenths of them.
onnx-asr and sherpa-onnx run as a user would run them, by `benchmarks.onnx_readers`. They read no
classifier; of one, only classes are compared.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.onnx_readers import Reader, onnx_asr_reader, sherpa_reader
from voicegraft.evaluation.paired import difference
from voicegraft.evaluation.scores import score
from voicegraft.evaluation.summary import Evaluate
from voicegraft.export.card import Given
from voicegraft.export.folder import GRAPH, QUANTISED, export
from voicegraft.export.onnx import Recogniser
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.saved import load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.speech.manifest import Corpus, Utterance

GROUPS = 10
TORCH = "torch"

Emissions = Callable[[np.ndarray], np.ndarray]


def exports(model: Path, work: Path, classifier: bool) -> tuple[Path, Path]:
    """Write the export of each layout that it can have anew, and return their folders."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    plain, sherpa = work / "onnx-asr", work / "sherpa-onnx"
    export(model, plain, "onnx-asr", True, Given("benchmark"))
    if not classifier:
        export(model, sherpa, "sherpa-onnx", False, Given("benchmark"))
    return plain, sherpa


def ways_of(model: GraftedModel, plain: Path, sherpa: Path) -> dict[str, Reader]:
    """Return what writes the text of a wave, float32 (samples,), by name, and its emissions."""
    files = {"onnxruntime": plain / GRAPH, "onnxruntime, int8": plain / QUANTISED}
    graphs = {name: Recogniser(path, threads=1) for name, path in files.items()}
    emit: dict[str, Emissions] = {TORCH: lambda wave: model.emissions([wave])[0].numpy()}
    emit |= {n: lambda wave, g=graph: g.emissions([wave])[0] for n, graph in graphs.items()}

    def reading(emissions: Emissions) -> Reader:
        def read(wave: np.ndarray) -> tuple[str, np.ndarray]:
            found = emissions(wave)
            return model.decode(torch.from_numpy(found)), found

        return read

    ways = {name: reading(emissions) for name, emissions in emit.items()}
    if model.description.pooling:
        return ways
    readers = {"onnx-asr": onnx_asr_reader(plain), "sherpa-onnx": sherpa_reader(sherpa, GRAPH)}
    return ways | readers


def read_all(
    ways: dict[str, Reader], corpus: Corpus, clips: Sequence[Utterance]
) -> tuple[dict[str, list[str]], dict[str, np.ndarray], float]:
    """Return texts and seconds by way, and the largest difference of onnxruntime from torch."""
    texts, took, most = {name: [] for name in ways}, {name: [] for name in ways}, 0.0
    for name in ways:  # the first product of a length is slow
        ways[name](corpus.wave(clips[0]))
    for clip in tqdm(clips, unit="clip", disable=None):
        wave, found = corpus.wave(clip), {}
        for name, read in ways.items():
            start = time.perf_counter()
            text, found[name] = read(wave)
            took[name].append(time.perf_counter() - start)
            texts[name].append(text)
        most = max(most, float(np.abs(found[TORCH] - found["onnxruntime"]).max()))
    return texts, {name: np.array(seconds) for name, seconds in took.items()}, most


def speed(torchs: np.ndarray, others: np.ndarray) -> dict[str, float]:
    """Return how many times faster the others are, for all clips, and the range of tenths."""
    tenths = [np.arange(len(torchs)) % GROUPS == group for group in range(GROUPS)]
    ratios = [torchs[part].sum() / others[part].sum() for part in tenths if part.any()]
    return {"speed": torchs.sum() / others.sum(), "low": min(ratios), "high": max(ratios)}


def change(clips: Sequence[Utterance], split: str, own: Sequence[str], other: Sequence[str]) -> str:
    """Return by how much CER changes on a split, in points, with its interval."""
    of = [i for i, clip in enumerate(clips) if clip.split == split]
    chosen = [clips[i] for i in of]
    old, new = (score(chosen, [texts[i] for i in of], None) for texts in (own, other))
    found = difference(old, new, "cer", load_params(Evaluate, "evaluate"))
    return f"{100 * found.change:+.2f} ({100 * found.low:+.2f} to {100 * found.high:+.2f})"


def main(
    model: Path,
    corpus: Path,
    splits: str = "test",
    work: Path = Path(".voicegraft/bench/exporting"),
) -> None:
    torch.set_num_threads(1)
    loaded, speech = load_model(model, "cpu"), Corpus(corpus)
    clips, classifier = speech.of(*splits.split()), bool(loaded.description.pooling)
    plain, sherpa = exports(model, work, classifier)
    ways = ways_of(loaded, plain, sherpa)
    texts, took, most = read_all(ways, speech, clips)
    seconds = sum(clip.seconds for clip in clips)
    print(f"{model}: largest difference from torch {most:.1e}, {len(clips)} clips, {seconds:.0f} s")
    scored = [] if classifier else splits.split()
    rates = " | ".join(f"CER, {split}" for split in scored)
    print(f"| | same texts | {rates} | speed | × real time | MB |")
    sizes = {"onnxruntime": GRAPH, "onnxruntime, int8": QUANTISED}
    for name in ways:
        same = sum(a == b for a, b in zip(texts[name], texts[TORCH], strict=True))
        both = texts[TORCH], texts[name]
        costs = [change(clips, split, *both) for split in scored]
        fast = speed(took[TORCH], took[name])
        size = f"{(plain / sizes[name]).stat().st_size / 1e6:.0f}" if name in sizes else ""
        cells = name, f"{same}", *costs, "{speed:.2f} ({low:.2f}–{high:.2f})".format(**fast)
        print(f"| {' | '.join(cells)} | {seconds / took[name].sum():.0f} | {size} |")


if __name__ == "__main__":
    run_stage(main)
