"""Training from the store against encoding in every epoch, on the clips of test.

    python -m benchmarks.training models/upstream data/corpus

Reads   UPSTREAM and CORPUS, as the stages leave them: the clips of test; every third or tenth of
        them where an encoder pads them all to 30 s
Writes  benchmarks/results.json, its part `training`
Knobs   extract_embeddings, head, train_head, finetune.top3, compute

Each way runs the trainer for one epoch: the same head, steps, masks and checkpoint; only what the
head is fed differs. Fifteen epochs are fifteen of them, plus, for the store, filling it once.
"""

import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path

from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.epochs import Encoded, Epochs
from benchmarks.peers import Transformers
from benchmarks.results import keep
from benchmarks.timing import in_turn, ratio
from voicegraft.pipeline.command import run_stage
from voicegraft.speech.manifest import Corpus, Utterance

EPOCHS = 15
WHOLE_WINDOW = 30.0
THIRD, TENTH = 3, 10
"""Every third or tenth clip is enough where windows of 30 s take minutes an epoch."""
HEAD, CACHED = "head from the store", "cached trunk"


def head_ways(epochs: Epochs) -> dict[str, Callable[[], None]]:
    """Return an epoch of the head from the store, and with an encoder in it."""
    peer = Transformers(epochs.folder)
    how = epochs.clips[0], epochs.choice.layer, epochs.fit.masking

    def padded(utterance: Utterance) -> Tensor:
        states = peer([epochs.corpus.wave(utterance)])[0][0]
        return states[: epochs.upstream.frames(utterance.samples, epochs.params.margin_seconds)]

    return {
        "filling the store": epochs.fill,
        HEAD: lambda: epochs.head_epoch(epochs.stored()),
        "our encoder in each epoch": lambda: epochs.head_epoch(
            Encoded(epochs.cut_to_the_clip, *how)
        ),
        "transformers in each epoch": lambda: epochs.head_epoch(Encoded(padded, *how)),
    }


def fifteen_epochs(seconds: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Return how many times as long fifteen epochs take with an encoder in each."""
    once, epoch = seconds["filling the store"], seconds[HEAD]
    ours = [first + EPOCHS * each for first, each in zip(once, epoch, strict=True)]
    others = {name: seconds[name] for name in seconds if name.endswith("in each epoch")}
    return {name: ratio([EPOCHS * s for s in took], ours) for name, took in others.items()}


def top_ways(epochs: Epochs, margin: float | None = None) -> dict[str, Callable[[], None]]:
    """Return an epoch of the top three blocks from the trunk, and with the whole forward."""
    cut = "cut to the clip" if margin is None else f"{margin:g} s windows"
    return {
        CACHED: partial(epochs.top_epoch, "trunk"),
        f"whole forward, {cut}": partial(epochs.top_epoch, "audio", margin),
    }


def against_cached(seconds: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Return how many times as long as from the cached trunk an epoch takes."""
    others = {name: took for name, took in seconds.items() if name.startswith("whole")}
    return {name: ratio(took, seconds[CACHED]) for name, took in others.items()}


def operations(epochs: Epochs) -> dict[str, float]:
    """Return the floating-point operations of an epoch with the whole forward, over those without:
    the most that the cached trunk could gain."""
    counts = []
    for way in top_ways(epochs).values():
        with FlopCounterMode(display=False) as counter:
            way()
        counts.append(counter.get_total_flops())
    cached, whole = counts
    return {"cached": cached, "whole": whole, "ratio": whole / cached}


def on_clips(epochs: Epochs, clips: list[Utterance]) -> Epochs:
    """Return `epochs` over other clips, which are in the store."""
    epochs.clips = clips
    epochs.fill()
    return epochs


def main(
    upstream: Path,
    corpus: Path,
    rounds: int = 5,
    work: Path = Path(".voicegraft/bench/training"),
) -> None:
    speech = Corpus(corpus)
    chosen = speech.of("test")
    epochs = on_clips(Epochs(upstream, speech, chosen, work), chosen)
    from_store = {HEAD: partial(epochs.head_epoch, epochs.stored())}
    epochs.head_epoch(epochs.stored())
    whole = in_turn(from_store | top_ways(epochs), rounds)
    tenth = in_turn(top_ways(on_clips(epochs, chosen[::TENTH]), WHOLE_WINDOW), rounds)
    counted = operations(epochs)
    third = in_turn(head_ways(on_clips(epochs, chosen[::THIRD])), rounds)
    spoken = sum(u.seconds for u in chosen)
    keep(
        "training",
        {
            "clips": len(chosen),
            "audio_seconds": spoken,
            "seconds": whole,
            "seconds_of_a_third": third,
            "seconds_of_a_tenth": tenth,
            "head": fifteen_epochs(third),
            "top3": against_cached(whole) | against_cached(tenth),
            "top3_operations": counted,
            "real_time_factor": {n: statistics.median(took) / spoken for n, took in whole.items()},
        },
    )


if __name__ == "__main__":
    run_stage(main)
