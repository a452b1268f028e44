"""New voices: what `voicegraft adapt` changes for those that the model was never trained on.

    python -m benchmarks.new_voices models/top3_lm data/corpus

Reads   MODEL with its language model, and CORPUS; the benchmark's WORK folder keeps what is done,
        sentences of the corpus, so that a run that was stopped goes on
Writes  a table to standard output: for each way, CER and WER with the language model and without,
        and the paired change from MODEL

Each unseen voice with FEWEST clips is adapted to alone. "half": on every second clip, and the
others are scored, both ways. "others": the same, but on as much speech of other unseen voices,
which tells what the voice itself gives. "all": on all clips, which are scored as well.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from voicegraft.evaluation.paired import difference
from voicegraft.evaluation.scores import score
from voicegraft.inference import adaptation
from voicegraft.inference.adaptation import CHECK, Knobs, adapt
from voicegraft.inference.voice import Audible, HeldStates, Voice
from voicegraft.language.decoder import BeamDecoder, load_decoder
from voicegraft.model import ctc
from voicegraft.model.batches import Padded, join
from voicegraft.model.grafted import GraftedModel, load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.files import read_json, whole
from voicegraft.speech.manifest import UNLABELLED, Corpus, Utterance
from voicegraft.studies.amounts import draw, minutes_of
from voicegraft.training.fit import batches_in_order
from voicegraft.training.inputs import StoredStates

FEWEST = 10
BATCH_SECONDS = 60.0
Clips = list[Utterance]
Texts = dict[str, str]


class TrainAlone:
    """A corpus without dev: that no voice is forgotten is not what is measured here."""

    def __init__(self, corpus: Corpus):
        self.wave, self.train = corpus.wave, corpus.of("train")

    def of(self, *splits: str) -> Clips:
        """Return train, or nothing."""
        return self.train if "train" in splits else []


def halves(own: Clips, others: Clips) -> Iterator[tuple[Clips, Clips]]:  # noqa: ARG001
    """Yield what is adapted on and what is scored: halves of a voice."""
    yield own[::2], own[1::2]
    yield own[1::2], own[::2]


def of_others(own: Clips, others: Clips) -> Iterator[tuple[Clips, Clips]]:
    """Yield as much of other voices, and a half of the voice."""
    for number, (learnt, scored) in enumerate(halves(own, others)):
        yield draw(others, minutes_of(learnt), number), scored


def everything(own: Clips, others: Clips) -> Iterator[tuple[Clips, Clips]]:  # noqa: ARG001
    """Yield a voice twice."""
    yield own, own


WAYS: dict[str, Callable[[Clips, Clips], Iterator[tuple[Clips, Clips]]]] = {
    "half": halves,
    "others": of_others,
    "all": everything,
}


class Remembered(HeldStates):
    """States below what learns, which are the same in every trial: computed once for all."""

    every: ClassVar[dict[str, np.ndarray]] = {}
    counts: ClassVar[dict[str, int]] = {}

    def __init__(self, layer: int):
        super().__init__(layer)
        self._states, self.frames = self.every, self.counts

    def add(self, model: GraftedModel, of: Audible, clips: Sequence[Utterance], what: str) -> None:
        """Compute what is not there yet."""
        super().add(model, of, [clip for clip in clips if clip.id not in self.every], what)


@torch.no_grad()
def emitted(model: GraftedModel, clips: Clips) -> Iterator[tuple[str, Tensor]]:
    """Yield the id and the emissions (frames, labels) of each clip, from its remembered states."""
    layer = model.description.top - adaptation.BLOCKS
    inputs = StoredStates(Remembered(layer), layer, adaptation.MASKING)
    for batch in batches_in_order(clips, BATCH_SECONDS):
        joined = join([inputs(clip) for clip in batch])
        emissions = Padded(*model(joined.values, joined.lengths, layer)).clips()
        yield from zip((clip.id for clip in batch), emissions, strict=True)


def read(model: GraftedModel, decoder: BeamDecoder, clips: Clips) -> list[Texts]:
    """Return texts by clip: greedy, and with the language model."""
    model.eval()
    greedy, decoded = {}, {}
    for name, emission in emitted(model, clips):
        greedy[name] = ctc.greedy(emission, model.labels)
        decoded[name] = decoder.decode(emission)
    return [greedy, decoded]


def without_texts(corpus: Corpus, clips: Clips) -> Voice:
    """Return clips as a voice of which nothing is known."""
    hidden = [
        replace(clip, split=UNLABELLED, speaker="", session="", text="", label="") for clip in clips
    ]
    return Voice(hidden, {clip.id: corpus.wave(clip) for clip in clips})


def adapted(folder: Path, corpus: Corpus, learnt: Clips, blend: float) -> GraftedModel:
    """Return the model adapted on clips."""
    adaptation.BLEND = blend
    model = load_model(folder, "cpu")
    decoder = load_decoder(folder, model.labels)
    adapt(model, decoder, without_texts(corpus, learnt), TrainAlone(corpus), Knobs())
    return model


def texts_of(
    way: str, voice: str, folder: Path, corpus: Corpus, work: Path, unseen: Clips
) -> dict[str, list[Texts]]:
    """Return the texts of a voice by `BLENDS`, found now or before."""
    kept = work / f"{way} {voice}.json"
    if kept.is_file():
        return read_json(kept)
    own = [clip for clip in unseen if clip.speaker == voice]
    others = [clip for clip in unseen if clip.speaker != voice]
    base = load_model(folder, "cpu")
    decoder = load_decoder(folder, base.labels)
    found = {"0.5": [{}, {}], "1": [{}, {}]}
    for learnt, scored in WAYS[way](own, others):
        model = adapted(folder, corpus, learnt, 0.5)
        add(found["0.5"], read(model, decoder, scored))
        further(model, base)
        add(found["1"], read(model, decoder, scored))
    with whole(kept) as partial:
        partial.write_text(json.dumps(found), encoding="utf-8")
    return found


def add(texts: list[Texts], further: Sequence[Texts]) -> None:
    """Add the texts of further clips."""
    for of, new in zip(texts, further, strict=True):
        of.update(new)


@torch.no_grad()
def further(model: GraftedModel, base: GraftedModel) -> None:
    """Move a model that went half-way from `base` all the way."""
    first = dict(base.named_parameters())
    for name, weights in model.named_parameters():
        weights.copy_(2 * weights - first[name])


def line(name: str, clips: Clips, before: Texts, after: Texts) -> str:
    """Return a row of the table."""
    old, new = (score(clips, [of[clip.id] for clip in clips], None) for of in (before, after))
    cells = []
    for rate in ("cer", "wer"):
        found = difference(old, new, rate, CHECK)
        change, low, high = (f"{100 * v:+.1f}" for v in (found.change, found.low, found.high))
        cells.append(f"{100 * found.new:.1f} | {change} ({low} to {high})".replace("-", "−"))
    return f"| {name} | {' | '.join(cells)} |"


def main(
    model: Path,
    corpus: Path,
    ways: str = ",".join(WAYS),
    work: Path = Path(".voicegraft/bench/new_voices"),
) -> None:
    clips = Corpus(corpus)
    unseen = clips.of("unseen")
    speakers = [clip.speaker for clip in unseen]
    voices = sorted({name for name in speakers if speakers.count(name) >= FEWEST})
    chosen = [clip for clip in unseen if clip.speaker in voices]
    work.mkdir(parents=True, exist_ok=True)
    base = load_model(model, "cpu")
    adaptation.HeldStates = Remembered
    states = Remembered(base.description.top - adaptation.BLOCKS)
    states.add(base, clips, [replace(clip, split=UNLABELLED) for clip in unseen], "encode")
    before = read(base, load_decoder(model, base.labels), chosen)
    print(f"{len(voices)} voices, {len(chosen)} clips, {minutes_of(chosen):.1f} minutes")
    print("| | CER | change | WER | change |\n|---|---|---|---|---|")
    for way in ways.split(","):
        found: dict[str, list[Texts]] = {"0.5": [{}, {}], "1": [{}, {}]}
        for voice in voices:
            for blend, texts in texts_of(way, voice, model, clips, work, unseen).items():
                add(found[blend], texts)
        for blend, texts in found.items():
            for number, decoding in enumerate(("greedy", "with the language model")):
                name = f"{way}, {decoding}, blend {blend}"
                print(line(name, chosen, before[number], texts[number]), flush=True)


if __name__ == "__main__":
    run_stage(main)
