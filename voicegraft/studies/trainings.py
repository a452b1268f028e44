"""Several trainings in one run; finished ones are recalled from scratch."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from voicegraft.speech.manifest import Utterance
from voicegraft.studies.amounts import minutes_of
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.fit import Fit
from voicegraft.training.head import fit_at_once, is_fitted
from voicegraft.training.inputs import learnable
from voicegraft.training.loop import Trainer
from voicegraft.training.scratch import RESULT, fingerprint, keep, recall


@dataclass(frozen=True)
class Trainings:
    """Trains models on subsets of a corpus, all with the same dev.

    After a kill or a changed knob, only new trainings are run.

    Args:
        build: returns a trainer of a new model with those knobs.
        dev: chooses the epoch.
        scratch: keeps trained weights, in a folder for each training.
        used: the names of these folders are added to it.
        facts: everything that a model depends on besides `Fit` and clips, for `fingerprint`.
    """

    build: Callable[[Fit], Trainer]
    dev: Sequence[Utterance]
    scratch: Path
    used: set[str]
    facts: dict[str, Any]

    def train(self, name: str, clips: Sequence[Utterance], fit: Fit) -> Trainer:
        """Return a trainer whose model was trained on `clips`, now or before.

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
        run = self.scratch / self._name(trainer, train, dev)
        self.used.add(run.name)
        kept = recall(run / RESULT)
        learnt = kept[0] if kept else self._learn(trainer, train, dev, run)
        trainer.bare.load_state_dict(learnt, strict=False)
        return trainer

    def _learn(
        self, trainer: Trainer, train: Sequence[Utterance], dev: Sequence[Utterance], run: Path
    ) -> dict[str, Any]:
        checkpoint = Checkpoint(run)
        trainer.run(train, dev, checkpoint)
        if trainer.fabric.is_global_zero:
            keep(run / RESULT, trainer.best, {})
            checkpoint.discard()
        return trainer.best

    def _name(self, trainer: Trainer, train: Sequence[Utterance], dev: Sequence[Utterance]) -> str:
        """Return the run's name; `facts`, which are the same for all runs, are hashed once."""
        model = trainer.bare.description
        lesson = {"model": model, "fit": trainer.fit, "train": list(train), "dev": list(dev)}
        return fingerprint(lesson | {"facts": self._facts})

    @cached_property
    def _facts(self) -> str:
        return fingerprint(self.facts)
