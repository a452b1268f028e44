"""One epoch of the trainer, with what it is fed from the store or encoded anew."""

import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from stages.finetune import parts_of
from voicegraft.embedding.extraction import encode
from voicegraft.embedding.knobs import ExtractEmbeddings
from voicegraft.embedding.store import Store
from voicegraft.embedding.takes import Take
from voicegraft.embedding.writer import write_store
from voicegraft.model import upstream as upstreams
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.head import HeadChoice
from voicegraft.model.layers import trunk_below
from voicegraft.model.precision import on_this_machine, products_in
from voicegraft.pipeline.params import load_params
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute, engine, settled
from voicegraft.training.fit import Fit, Masking, mask
from voicegraft.training.head import graft
from voicegraft.training.inputs import AudioFeatures, Inputs, StoredStates
from voicegraft.training.loop import Trainer
from voicegraft.training.recipe import Recipe
from voicegraft.training.schedule import Part, head_part


class OneLayer(HeadChoice):
    """The head's knobs; the timed head has one input layer."""

    layer: int


class Encoded:
    """States made anew for each clip of each epoch, as the common CTC scripts do.

    Args:
        states: of a clip, (frames, size).
        some: one of the clips.
    """

    def __init__(
        self,
        states: Callable[[Utterance], Tensor],
        some: Utterance,
        start: int,
        masking: Masking,
    ):
        self.states, self.some, self.start, self.masking = states, some, start, masking

    def __call__(self, utterance: Utterance) -> Tensor:
        """See `Inputs`."""
        return self.states(utterance)

    def augmented(self, utterance: Utterance, masked: bool = True) -> Tensor:
        """See `Inputs`."""
        states = self.states(utterance)
        return mask(states, utterance.seconds, self.masking) if masked else states

    def frames(self, utterance: Utterance) -> int:
        """See `Inputs`."""
        return len(self.states(utterance))

    def examples(self, count: int) -> list[Tensor]:  # noqa: ARG002 - there is but one
        """See `Inputs`."""
        return [self.states(self.some)]


class Epochs:
    """What all ways share: the clips, the upstream, the knobs, and a folder to work in."""

    def __init__(self, upstream: Path, corpus: Corpus, clips: list[Utterance], work: Path):
        self.folder, self.corpus, self.clips, self.work = upstream, corpus, clips, work
        self.params = load_params(ExtractEmbeddings, "extract_embeddings")
        self.choice, self.fit = load_params(OneLayer, "head"), load_params(Fit, "train_head")
        self.recipe = load_params(Recipe, "finetune.top3", defaults="finetune.defaults")
        self.upstream = upstreams.load(upstream)
        self.precision = on_this_machine(self.params.precision, self.upstream)

    def fill(self) -> None:
        """Encode the clips into the store."""
        layer, margin = self.choice.layer, self.params.margin_seconds
        layers = [trunk_below(layer, self.recipe.unfrozen_blocks), layer]
        takes = [Take(u) for u in self.clips]
        frames = {take.id: self.upstream.frames(take.samples, margin) for take in takes}
        facts = {"upstream": upstreams.name_in(self.folder), "margin_seconds": margin}
        facts |= {"upstream_config": self.upstream.config, "speeds": []}
        window = layers, margin, self.precision, self.params.batch_seconds
        with write_store(self.work / "store", layers, self.upstream.size, frames, facts) as store:
            for batch in encode(self.upstream, self.corpus, *window, takes):
                for take, states in batch.items():
                    store.add(take.id, states)

    def store(self) -> Store:
        """Return what `fill` wrote."""
        return Store(self.work / "store")

    def stored(self) -> StoredStates:
        """Return what a head is fed from the store."""
        return StoredStates(self.store(), self.choice.layer, self.fit.masking)

    def model(self) -> GraftedModel:
        """Return a new head on the pretrained upstream."""
        where = self.choice.layer, self.choice, self.store()
        return graft(*where, self.clips, self.folder, self.fit.seed)

    def epoch(self, model: GraftedModel, inputs: Inputs, parts: list[Part], fit: Fit) -> None:
        """Train for one epoch; dev is one clip, as scoring it is not what is timed."""
        once = fit.model_copy(update={"epochs": 1, "min_steps": 0})
        compute = settled(load_params(Compute, "compute"), model, inputs, parts)
        trainer = Trainer(engine(compute), model, inputs, parts, once)
        trainer.run(self.clips, self.clips[:1], Checkpoint(self.work / "run"))
        shutil.rmtree(self.work / "run")

    def head_epoch(self, inputs: Inputs) -> None:
        """Train a new head for one epoch."""
        model = self.model()
        self.epoch(model, inputs, [head_part(model, self.fit.lr)], self.fit)

    def top_epoch(self, start: str, margin: float | None = None) -> None:
        """Train the top three blocks for one epoch, from the store or from the audio."""
        model = self.model()
        if margin is not None:
            widened = model.description.model_copy(update={"margin_seconds": margin})
            model.description = widened
        below = self.recipe.trunk(model.description.layer)
        inputs: Inputs = (
            StoredStates(self.store(), below, self.recipe.masking)
            if start == "trunk"
            else AudioFeatures(self.corpus, model, self.recipe.masking)
        )
        self.epoch(model, inputs, parts_of(self.recipe, model), self.recipe)

    @torch.inference_mode()
    def cut_to_the_clip(self, utterance: Utterance) -> Tensor:
        """Return the clip's states by our encoder."""
        window = self.upstream.window(Take(utterance).wave(self.corpus), self.params.margin_seconds)
        with products_in(self.precision, window.device):
            layer = self.choice.layer
            return self.upstream.encode([window], [layer])[layer].values.float()
