"""New voices: what `voicegraft adapt` changes for those that the model was never trained on.

    python -m benchmarks.new_voices models/top3_lm data/corpus

Reads   MODEL with its language model, and CORPUS; the benchmark's WORK folder keeps what is done,
        sentences of the corpus, so that a run that was stopped goes on
Writes  a table to standard output: for each way, CER and WER with the language model and without,
        and the paired change from MODEL; and the change from "others" to "half"

Each unseen voice with FEWEST clips is adapted to alone. "half": on every second clip, and the
others are scored, both ways. "others", the control: the same, but on as much speech of other unseen
voices, so that what "half" has more is what the voice itself gives. "all": on all clips, which are
scored as well. The weights of the language model are those of MODEL, or chosen anew on dev, as
`adapt` does.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from benchmarks.changes import changed
from voicegraft.evaluation.paired import rate_of_all
from voicegraft.evaluation.scores import score
from voicegraft.evaluation.summary import CHOOSING
from voicegraft.inference import adaptation
from voicegraft.inference.adaptation import CHECK, Knobs, adapt
from voicegraft.inference.voice import Audible, HeldStates, Voice
from voicegraft.language.decoder import BeamDecoder, load_decoder, tuned
from voicegraft.model import ctc
from voicegraft.model.batches import Padded, join
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.saved import load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.files import read_json, whole
from voicegraft.speech.manifest import UNLABELLED, Corpus, Utterance
from voicegraft.studies.amounts import draw, minutes_of
from voicegraft.training.fit import batches_in_order
from voicegraft.training.inputs import StoredStates

FEWEST = 10
BATCH_SECONDS = 60.0
ANEW = "with the language model weighed anew"
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


def read(model: GraftedModel, decoder: BeamDecoder, clips: Clips) -> dict[str, Texts]:
    """Return texts by clip: greedy, and with the language model."""
    greedy, decoded = {}, {}
    for name, emission in emitted(model, clips):
        greedy[name] = ctc.greedy(emission, model.labels)
        decoded[name] = decoder.decode(emission)
    return {"greedy": greedy, "with the language model": decoded}


def read_anew(model: GraftedModel, decoder: BeamDecoder, dev: Clips, clips: Clips) -> Texts:
    """Return texts by clip, with the language model weighed on dev for this very model."""
    found = {name: decoder.candidates(emission) for name, emission in emitted(model, dev)}
    settings = tuned([found[clip.id] for clip in dev], [clip.text for clip in dev])
    found = {name: decoder.candidates(emission) for name, emission in emitted(model, clips)}
    return {name: texts.text(settings.weights) for name, texts in found.items()}


def without_texts(corpus: Corpus, clips: Clips) -> Voice:
    """Return clips as a voice of which nothing is known."""
    hidden = [
        replace(clip, split=UNLABELLED, speaker="", session="", text="", label="") for clip in clips
    ]
    return Voice(hidden, {clip.id: corpus.wave(clip) for clip in clips})


def adapted(folder: Path, corpus: Corpus, learnt: Clips) -> GraftedModel:
    """Return the model adapted on clips."""
    model = load_model(folder, "cpu")
    decoder = load_decoder(folder, model.labels)
    adapt(model, decoder, without_texts(corpus, learnt), TrainAlone(corpus), Knobs())
    return model


def texts_of(
    way: str, voice: str, folder: Path, corpus: Corpus, work: Path, unseen: Clips
) -> dict[str, Texts]:
    """Return the texts of a voice by how they are read, found now or before."""
    kept = work / f"{way} {voice}.json"
    if kept.is_file():
        return read_json(kept)
    own = [clip for clip in unseen if clip.speaker == voice]
    others = [clip for clip in unseen if clip.speaker != voice]
    base, found = load_model(folder, "cpu"), {}
    decoder = load_decoder(folder, base.labels)
    for learnt, scored in WAYS[way](own, others):
        model = adapted(folder, corpus, learnt).eval()
        add(found, read(model, decoder, scored))
        add(found, {ANEW: read_anew(model, decoder, corpus.of(CHOOSING), scored)})
        further(model, base)
        all_the_way = read(model, decoder, scored)
        add(found, {f"{name}, all the way": texts for name, texts in all_the_way.items()})
    with whole(kept) as partial:
        partial.write_text(json.dumps(found), encoding="utf-8")
    return found


def add(texts: dict[str, Texts], further: dict[str, Texts]) -> None:
    """Add the texts of further clips."""
    for name, new in further.items():
        texts.setdefault(name, {}).update(new)


@torch.no_grad()
def further(model: GraftedModel, base: GraftedModel) -> None:
    """Move a model that went half-way from `base` all the way."""
    first = dict(base.named_parameters())
    for name, weights in model.named_parameters():
        weights.copy_(2 * weights - first[name])


def line(name: str, clips: Clips, before: Texts, after: Texts) -> str:
    """Return a row of the table."""
    old, new = (score(clips, [of[clip.id] for clip in clips], None) for of in (before, after))
    rates = {rate: 100 * rate_of_all(new, rate) for rate in ("cer", "wer")}
    cells = [f"{value:.1f} | {changed(old, new, rate, CHECK)}" for rate, value in rates.items()]
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
    states.add(base, clips, clips.of(CHOOSING), "encode dev")
    before = read(base, load_decoder(model, base.labels), chosen)
    before[ANEW] = before["with the language model"]
    print(f"{len(voices)} voices, {len(chosen)} clips, {minutes_of(chosen):.1f} minutes")
    print("| | CER | change | WER | change |\n|---|---|---|---|---|")
    read_by: dict[str, dict[str, Texts]] = {way: {} for way in ways.split(",")}
    for way, found in read_by.items():
        for voice in voices:
            add(found, texts_of(way, voice, model, clips, work, unseen))
        for how, texts in found.items():
            print(line(f"{way}, {how}", chosen, before[how.split(", ")[0]], texts), flush=True)
    if {"half", "others"} <= read_by.keys():
        for how, texts in read_by["half"].items():
            name = f"{how}: from others to half"
            print(line(name, chosen, read_by["others"][how], texts), flush=True)


if __name__ == "__main__":
    run_stage(main)
