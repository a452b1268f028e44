"""Several trainings that make one run: what was trained before, alike in all, is recalled."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from voicegraft.speech.manifest import Utterance
from voicegraft.training.amounts import minutes_of
from voicegraft.training.checkpoint import Checkpoint, fingerprint
from voicegraft.training.fit import Fit
from voicegraft.training.fitting import fit_at_once, is_fitted
from voicegraft.training.inputs import learnable
from voicegraft.training.loop import Trainer
from voicegraft.whole import whole


@dataclass(frozen=True)
class Trainings:
    """Trains models on parts of a corpus, all with one dev.

    A run that was killed, or that has one knob turned, trains what is new.

    Args:
        build: makes what trains a new model with those knobs.
        dev: chooses the epoch.
        scratch: keeps the weights that were learnt.
        facts: what besides `Fit` and clips makes a model what it is.
        inputs: folders that it is made of.
    """

    build: Callable[[Fit], Trainer]
    dev: Sequence[Utterance]
    scratch: Path
    facts: dict[str, Any]
    inputs: Sequence[Path]
    _used: set[Path] = field(default_factory=set)

    def train(self, name: str, clips: Sequence[Utterance], fit: Fit) -> Trainer:
        """Return what trained a model on `clips`, or recalls that it did.

        Raises:
            ValueError: if none of the clips, or none of dev's, can be learnt from.
        """
        trainer = self.build(fit)
        train, dev = (learnable(side, trainer.inputs, trainer.bare) for side in (clips, self.dev))
        if not (train and dev):
            raise ValueError(f"{name}: no clip of {'dev' if train else 'train'} can be learnt from")
        print(f"{name}: {len(train)} clips, {minutes_of(train):.1f} min", file=sys.stderr)
        if is_fitted(trainer.bare):
            fit_at_once(trainer.bare, trainer.inputs, train)
            return trainer
        kept = self.scratch / f"{self._name(train, fit)}.safetensors"
        if not kept.is_file():
            self._learn(trainer, train, dev, kept)
        self._used.add(kept)
        trainer.bare.load_state_dict(load_file(kept), strict=False)
        return trainer

    def tidy(self) -> None:
        """Remove what this run had no use for: the run is done."""
        for kept in self.scratch.glob("*.safetensors"):
            if kept not in self._used:
                kept.unlink()

    def _learn(
        self, trainer: Trainer, train: Sequence[Utterance], dev: Sequence[Utterance], kept: Path
    ) -> None:
        # A folder for each: checkpoints of others in the same one would be removed.
        checkpoint = Checkpoint(self.scratch / kept.stem / "run")
        trainer.run(train, dev, checkpoint)
        self.scratch.mkdir(parents=True, exist_ok=True)
        with whole(kept) as partial:
            save_file(trainer.best, partial)
        checkpoint.discard()

    def _name(self, train: Sequence[Utterance], fit: Fit) -> str:
        lesson = [asdict(clip) for clip in train]
        return fingerprint(
            {"facts": self.facts, "fit": fit.model_dump(), "lesson": lesson}, self.inputs
        )
