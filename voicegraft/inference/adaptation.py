"""Adapt a model to a voice, from recordings of it that nobody has transcribed.

Self-training: the model labels the recordings, with its language model where it has one, whose
texts have fewer errors than the network alone can write (Kahn et al. 2020,
https://arxiv.org/abs/1909.09116). From the surest of them the head and the top blocks go on
learning, with masks. Clips of the training corpus, where they are at hand, are learnt beside, so
that other voices are not forgotten (rehearsal: Robins 1995,
https://doi.org/10.1080/09540099550039318).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from voicegraft.evaluation.paired import Difference, difference
from voicegraft.evaluation.scores import Score, score
from voicegraft.evaluation.summary import CHOOSING, Evaluate
from voicegraft.inference.voice import HeldStates, Voice
from voicegraft.language.decoder import BeamDecoder, Decoder, tuned
from voicegraft.language.settings import Settings
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.layers import trunk_below
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.studies.amounts import draw, minutes_of
from voicegraft.studies.self_training import PseudoLabel, confidence, surest
from voicegraft.training.checkpoint import Checkpoint, Learning
from voicegraft.training.compute import Compute, engine, settled
from voicegraft.training.fit import Fit, Masking
from voicegraft.training.inputs import StoredStates, learnable
from voicegraft.training.loop import Trainer
from voicegraft.training.schedule import head_part, upstream_parts

BLOCKS = 1
"""How many blocks learn, if the model has so many."""
BLEND = 0.5
"""How far the weights go from what they were to what was learnt: half-way, less is forgotten, and
less of the errors in the texts is learnt (Wortsman et al. 2022, https://arxiv.org/abs/2109.01903).
"""
LR, UPSTREAM_LR, LAYER_DECAY = 2e-4, 1e-4, 0.9
MASKING = Masking(
    time_masks_per_second=1.5, time_mask_frames=15, size_masks=2, size_mask_share=0.15
)
WORST = 0.01
"""The rise of CER on dev that must lie above the interval of the change."""
CHECK = Evaluate(
    batch_seconds=60.0,
    resamples=2000,
    confidence=0.95,
    seed=1,
    duration_edges_seconds=(2.0,),
    fewest_speaker_clips=20,
)


@dataclass(frozen=True)
class Knobs:
    """How a model is adapted.

    Attributes:
        epochs: passes over the voice and what is rehearsed.
        keep: the share of the voice's clips whose texts are surest.
        rehearse: minutes of the corpus for each minute of the voice.
        seed: of everything random.
        accelerator: auto, cpu, cuda or mps.
    """

    epochs: int = 8
    keep: float = 0.8
    rehearse: float = 1.0
    seed: int = 1
    accelerator: str = "auto"

    @property
    def fit(self) -> Fit:
        """The knobs of the training."""
        return Fit(
            seed=self.seed,
            epochs=self.epochs,
            min_steps=0,
            patience=self.epochs,
            batch_seconds=30.0,
            accumulate=1,
            lr=LR,
            warmup_share=0.1,
            weight_decay=0.01,
            clip_norm=5.0,
            masking=MASKING,
        )


@dataclass(frozen=True)
class Adapted:
    """What a model was adapted with, and what it cost.

    Attributes:
        minutes: of the clips that it learnt from.
        dev: the change of CER on dev; None without a corpus.
        damaged: why recordings are truncated, a line for each.
    """

    minutes: float
    dev: Difference | None
    damaged: Sequence[str]


def adapt(
    model: GraftedModel, decoder: Decoder, voice: Voice, corpus: Corpus | None, knobs: Knobs
) -> Adapted:
    """Adapt `model`, in place, to a voice.

    Args:
        model: to be adapted.
        decoder: gives the voice's clips their texts, and dev's. One with a language model is
            weighed anew on dev, in place: emissions are less sure than they were.
        voice: recordings without texts.
        corpus: of the model's training, to rehearse and to check on dev; None does neither.
        knobs: how.

    Raises:
        ValueError: if no clip can be learnt from, or the model is not surely as good on dev.
    """
    states = HeldStates(trunk_below(model.description.layer, min(BLOCKS, model.description.top)))
    states.add(model, voice, voice.clips, "encode the voice")
    rehearsed = dev = []
    if corpus:
        rehearsed = _drawn(corpus.of("train"), knobs.rehearse * minutes_of(voice.clips), knobs.seed)
        dev = corpus.of(CHOOSING)
        states.add(model, corpus, [*rehearsed, *dev], "encode the corpus")
    trainer = trainer_of(model, states, knobs)
    labels = surest(texts(trainer, decoder, voice.clips, "label"), knobs.keep)
    if not (kept := learnable(labels, trainer.inputs, model)):
        raise ValueError(f"none of {len(voice.clips)} pieces has a text that can be learnt from")
    before = _scores(trainer, decoder, dev)
    last = LastEpoch(knobs.epochs, trainer.best)
    trainer.run([*kept, *learnable(rehearsed, trainer.inputs, model)], kept, last)
    model.load_state_dict(last.blended(), strict=False)
    if dev and isinstance(decoder, BeamDecoder):
        decoder.settings = _weighed(trainer, decoder, dev)
    change = difference(before, _scores(trainer, decoder, dev), "cer", CHECK) if dev else None
    if change and change.high > WORST:
        raise ValueError(f"not kept, as other voices may be read worse: dev, {in_words(change)}")
    return Adapted(minutes_of(kept), change, voice.damaged)


def trainer_of(model: GraftedModel, states: HeldStates, knobs: Knobs) -> Trainer:
    """Return what trains the head and the top blocks, from states below them."""
    inputs, parts = StoredStates(states, states.layer, MASKING), [head_part(model, LR)]
    blocks = min(BLOCKS, model.description.top)
    parts += upstream_parts(model, blocks, UPSTREAM_LR, LAYER_DECAY, 0, 0, stem=False)
    compute = Compute(accelerator=knobs.accelerator, devices=1, precision="auto")
    fabric = engine(settled(compute, model, inputs, parts))
    return Trainer(fabric, model, inputs, parts, knobs.fit, quiet=True)


def texts(
    trainer: Trainer, decoder: Decoder, clips: Sequence[Utterance], what: str
) -> list[PseudoLabel]:
    """Return what the decoder reads in each clip, and the likelihood of that by the network."""
    objective, found = trainer.bare.objective, {}
    with tqdm(total=len(clips), desc=what, unit="clip", leave=False, disable=None) as bar:
        for clip, emission in trainer.emissions(clips):
            emission = emission.float().cpu()
            text = " ".join(word.text for word in decoder.words(emission))
            labelled = objective.with_prediction(clip, text)
            found[clip.id] = PseudoLabel(labelled, text, confidence(objective, emission, labelled))
            bar.update()
    return [found[clip.id] for clip in clips]


class LastEpoch(Checkpoint):
    """Keeps the weights of the last epoch in memory, and draws a bar of the epochs.

    Of texts that the model itself has written, none can choose an epoch: a greedy decoder agrees
    with them most before the first.
    """

    def __init__(self, epochs: int, weights: Mapping[str, Tensor]):
        self.first = self.weights = weights
        self.bar = tqdm(total=epochs, desc="adapt", unit="epoch", leave=False, disable=None)

    def save(self, learning: Learning, write: bool = True) -> None:  # noqa: ARG002
        """See `Checkpoint`."""
        self.weights = {name: value.cpu().clone() for name, value in learning.weights.items()}
        self.bar.update()

    def blended(self) -> dict[str, Tensor]:
        """Return the weights between those that came and those that were learnt."""
        return {k: torch.lerp(first, self.weights[k], BLEND) for k, first in self.first.items()}

    def restore(self, learning: Learning) -> bool:  # noqa: ARG002
        """See `Checkpoint`."""
        return False


def in_words(change: Difference) -> str:
    """Return the change of CER."""
    return (
        f"CER {change.old:.1%} to {change.new:.1%}, a change of {100 * change.change:+.1f} points "
        f"({100 * change.low:+.1f} to {100 * change.high:+.1f})"
    )


def _drawn(train: Sequence[Utterance], minutes: float, seed: int) -> Sequence[Utterance]:
    """Return about so many minutes, or all if there are fewer."""
    return draw(train, minutes, seed) if minutes_of(train) > minutes else train


def _scores(trainer: Trainer, decoder: Decoder, clips: Sequence[Utterance]) -> list[Score]:
    read = [label.prediction for label in texts(trainer, decoder, clips, "check dev")]
    return score(clips, read, trainer.bare.labels)


def _weighed(trainer: Trainer, decoder: BeamDecoder, dev: Sequence[Utterance]) -> Settings:
    """Return the settings that dev chooses, as `decode` does."""
    found = {clip.id: decoder.candidates(e.float().cpu()) for clip, e in trainer.emissions(dev)}
    return tuned([found[clip.id] for clip in dev], [clip.text for clip in dev])
