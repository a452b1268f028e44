"""Silence after a clip for Whisper: CER on dev and speed, for several margins.

    python -m benchmarks.windows models/upstream data/corpus

Reads   UPSTREAM and CORPUS, as the stages leave them; the benchmark's WORK folder keeps what is
        done, so that a run that was stopped goes on
Writes  benchmarks/results.json, its part `windows`
Knobs   head, train_head, compute, evaluate; extract_embeddings.precision

For each margin train and dev are encoded, a head is trained on the one and scored on the other.
Test is not touched: the margin is a choice. With the whole window of 30 s, which is how Whisper was
trained, the encoder encodes all of it, and the head what the widest margin would leave it.
"""

import statistics
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.epochs import OneLayer
from benchmarks.results import keep
from benchmarks.timing import in_turn
from voicegraft.embedding.extraction import encode
from voicegraft.embedding.knobs import ExtractEmbeddings
from voicegraft.embedding.store import Store
from voicegraft.embedding.takes import Take
from voicegraft.embedding.writer import write_store
from voicegraft.evaluation.blocks import choose_blocks
from voicegraft.evaluation.interval import interval, rate_interval, resampled_rates
from voicegraft.evaluation.scores import Score, score
from voicegraft.evaluation.summary import Evaluate
from voicegraft.model import upstream as upstreams
from voicegraft.model.batches import pad
from voicegraft.model.precision import on_this_machine
from voicegraft.model.saved import load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.speech.manifest import Corpus
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit
from voicegraft.training.head import graft, head_trainer
from voicegraft.training.scratch import fingerprint

WHOLE_WINDOW = 30.0
MARGINS = (0.0, 0.5, 1.0, 2.0, WHOLE_WINDOW)
KEPT_OF_WHOLE_WINDOW = 2.0
"""Seconds of silence that the head is given of 30 s: as many as of the widest margin."""
BASELINE = 0.5


class Encoder:
    """Encodes takes of a corpus at any margin, to the head's input layer."""

    def __init__(self, upstream: Path, corpus: Corpus):
        self.folder, self.corpus = upstream, corpus
        self.model = upstreams.load(upstream)
        self.layer = load_params(OneLayer, "head").layer
        params = load_params(ExtractEmbeddings, "extract_embeddings")
        self.how = on_this_machine(params.precision, self.model), params.batch_seconds

    def __call__(self, margin: float, takes: list[Take]) -> Iterator[tuple[Take, np.ndarray]]:
        """Yield each take with its states, cut to what the head is given."""
        for batch in encode(self.model, self.corpus, [self.layer], margin, *self.how, takes):
            for take, states in batch.items():
                yield take, states[self.layer][: self.frames(margin, take)]

    def frames(self, margin: float, take: Take) -> int:
        """Return how many frames the head is given."""
        kept = KEPT_OF_WHOLE_WINDOW if margin == WHOLE_WINDOW else margin
        return self.model.frames(take.samples, kept)

    def fill(self, margin: float, folder: Path) -> None:
        """Encode train and dev into a store."""
        takes = [Take(u) for u in self.corpus.of("train", "dev")]
        facts = {
            "upstream": upstreams.name_in(self.folder),
            "upstream_config": self.model.config,
        }
        facts |= {"margin_seconds": margin, "speeds": [], "layer": self.layer}
        frames = {take.id: self.frames(margin, take) for take in takes}
        with write_store(folder, [self.layer], self.model.size, frames, facts) as store:
            for take, states in self(margin, takes):
                store.add(take.id, {self.layer: states})

    def paces(self, rounds: int) -> dict[float, float]:
        """Return how many times as fast as speech dev is encoded at each margin."""
        takes = [Take(u) for u in self.corpus.of("dev")]
        ways = {f"{m:g}": lambda margin=m: deque(self(margin, takes), maxlen=0) for m in MARGINS}
        seconds, spoken = in_turn(ways, rounds), sum(take.seconds for take in takes)
        return {m: spoken / statistics.median(seconds[f"{m:g}"]) for m in MARGINS}


def train(store: Store, folder: Path, upstream: Path, corpus: Corpus) -> None:
    """Train a head on the store, as train_head does."""
    choice, fit = load_params(OneLayer, "head"), load_params(Fit, "train_head")
    spoken, compute = corpus.of("train"), load_params(Compute, "compute")
    model = graft(choice.layer, choice, store, spoken, upstream, fit.seed)
    trainer = head_trainer(model, store, fit, compute)
    trainer.train(corpus, Checkpoint(folder / "scratch" / "run"), folder, folder / "curves")


@torch.inference_mode()
def dev_scores(store: Store, folder: Path, corpus: Corpus) -> list[Score]:
    """Return the errors of the trained head on dev, clip by clip."""
    model, dev = load_model(folder), corpus.of("dev")
    hypotheses = []
    for utterance in dev:
        states = pad(
            [torch.from_numpy(store.states(utterance.id, model.description.layer)).float()]
        )
        hypotheses.append(model.decode(model.head(states).values[0]))
    return score(dev, hypotheses, model.labels)


def resampled(scores: Sequence[Score], params: Evaluate) -> np.ndarray:
    """Return the CER of each resample, (ways, resamples); those of two margins come in pairs."""
    return resampled_rates(
        [s.character_edits for s in scores],
        [s.characters for s in scores],
        choose_blocks(scores),
        params.resamples,
        params.seed,
    )


def row(scores: Sequence[Score], base: Sequence[Score], pace: float) -> dict[str, float]:
    """Return a margin's CER and its difference from the baseline's, with the interval of both."""
    params = load_params(Evaluate, "evaluate")
    rates, others = resampled(scores, params), resampled(base, params)
    blocks = choose_blocks(scores)
    cer, cer_of_base = (
        sum(s.character_edits for s in of) / sum(s.characters for s in of) for of in (scores, base)
    )
    low, high = rate_interval(cer, rates, blocks, params.confidence)
    apart = cer - cer_of_base
    worse_low, worse_high = interval(apart, rates - others, blocks, params.confidence)
    return {
        "dev_cer": cer,
        "dev_cer_low": low,
        "dev_cer_high": high,
        "difference": apart,
        "difference_low": worse_low,
        "difference_high": worse_high,
        "encoding_times_real_time": pace,
    }


def main(
    upstream: Path, corpus: Path, rounds: int = 5, work: Path = Path(".voicegraft/bench/windows")
) -> None:
    clips = Corpus(corpus)
    encoder, scores = Encoder(upstream, clips), {}
    sections = {"head": OneLayer, "train_head": Fit, "compute": Compute}
    reads = {name: load_params(section, name) for name, section in sections.items()}
    reads |= {"upstream": upstream, "corpus": corpus, "how": encoder.how, "by": Path(__file__)}
    name = fingerprint(reads)
    for margin in MARGINS:
        folder = work / name / f"{margin:g}"
        if not (folder / "model.json").is_file():  # written last
            encoder.fill(margin, folder / "store")
            train(Store(folder / "store"), folder, upstream, clips)
        scores[margin] = dev_scores(Store(folder / "store"), folder, clips)
    paces = encoder.paces(rounds)
    keep("windows", {f"{m:g}": row(scores[m], scores[BASELINE], paces[m]) for m in MARGINS})


if __name__ == "__main__":
    run_stage(main)
