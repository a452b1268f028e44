"""What `benchmarks.defaults` compares: settings of the head, and settings of a recipe."""

import contextlib
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from stages.finetune import unfrozen
from voicegraft.embedding.store import Store
from voicegraft.evaluation.scores import Score, score
from voicegraft.model.head import HeadChoice
from voicegraft.pipeline import plugins
from voicegraft.pipeline.params import load_params, merged
from voicegraft.speech.manifest import BACKGROUND, Corpus, Utterance
from voicegraft.studies.amounts import draw
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute, engine, settled
from voicegraft.training.fit import Fit
from voicegraft.training.head import graft, head_trainer
from voicegraft.training.inputs import learnable
from voicegraft.training.loop import Trainer
from voicegraft.training.recipe import load_recipe

UPSTREAM, HEAD = Path("models/upstream"), Path("models/head")
CORPUS, EMBEDDINGS = Path("data/corpus"), Path("data/embeddings")


@dataclass(frozen=True)
class Setting(ABC):
    """A difference from params.yaml."""

    name: str

    @abstractmethod
    def trainer(self, train: Sequence[Utterance]) -> Trainer:
        """Return what trains on those clips, in the folder of a project."""

    @abstractmethod
    def seed(self) -> int:
        """Return the seed of training, in the folder of a project."""

    def trained(self, project: Path, minutes: float | None) -> list[Score]:
        """Train on all of train, or on so many minutes of it, and return the errors on dev."""
        with contextlib.chdir(project), tempfile.TemporaryDirectory() as scratch:
            corpus = Corpus(CORPUS)
            train, dev = corpus.of("train"), corpus.of("dev")
            train = draw(train, minutes, self.seed()) if minutes else train
            trainer = self.trainer(train)
            given = train, dev, corpus.of(BACKGROUND)
            train, dev, background = (learnable(s, trainer.inputs, trainer.bare) for s in given)
            trainer.run(train, dev, Checkpoint(Path(scratch) / "run"), background)
            return score(dev, trainer.predict(dev), trainer.bare.labels)


@dataclass(frozen=True)
class HeadSetting(Setting):
    """Of `head` and `train_head`, or of the constants in the head's file."""

    head: Mapping[str, Any] = field(default_factory=dict)
    fit: dict[str, Any] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    def seed(self) -> int:
        """See `Setting`."""
        return load_params(Fit, "train_head").seed

    def trainer(self, train: Sequence[Utterance]) -> Trainer:
        """See `Setting`."""
        choice = load_params(HeadChoice, "head").model_copy(update=self.head)
        fit = load_params(Fit, "train_head")
        fit = Fit.model_validate(merged(fit.model_dump(), self.fit))
        store = Store(EMBEDDINGS)
        with patch.dict(vars(plugins.load("heads", choice.name)), self.sizes):
            model = graft(choice.layer, choice, store, train, UPSTREAM, fit.seed)
        return head_trainer(model, store, fit, load_params(Compute, "compute"))


@dataclass(frozen=True)
class RecipeSetting(Setting):
    """Of a recipe, from the trained head of the project."""

    changes: dict[str, Any] = field(default_factory=dict)
    recipe: str = "top3"

    def seed(self) -> int:
        """See `Setting`."""
        return load_recipe(self.recipe).seed

    def trainer(self, train: Sequence[Utterance]) -> Trainer:  # noqa: ARG002 - the corpus has them
        """See `Setting`."""
        recipe = load_recipe(self.recipe)
        recipe = type(recipe).model_validate(merged(recipe.model_dump(), self.changes))
        found = unfrozen(recipe, UPSTREAM, HEAD, Corpus(CORPUS), EMBEDDINGS)
        trained = found.model, found.inputs, found.parts
        fabric = engine(settled(load_params(Compute, "compute"), *trained))
        return Trainer(fabric, *trained, recipe)


def masks(per_second: float, frames: int, sizes: int, share: float) -> dict[str, Any]:
    """Return a difference of masks: how many, and how long, in time and in dimensions."""
    return {
        "masking": {
            "time_masks_per_second": per_second,
            "time_mask_frames": frames,
            "size_masks": sizes,
            "size_mask_share": share,
        }
    }


NO_MASKS, HALF = masks(0.0, 0, 0, 0.0), masks(0.5, 10, 1, 0.1)
HEADS = (
    HeadSetting("as in params.yaml"),
    HeadSetting("lr 0.0005", fit={"lr": 0.0005}),
    HeadSetting("lr 0.002", fit={"lr": 0.002}),
    HeadSetting("15 epochs", fit={"epochs": 15}),
    HeadSetting("15 epochs, lr 0.002", fit={"epochs": 15, "lr": 0.002}),
    HeadSetting("batches of 20 s", fit={"batch_seconds": 20.0}),
    HeadSetting("10 epochs alone", fit={"min_steps": 0}),
    HeadSetting("no masks", fit=NO_MASKS),
    HeadSetting("half of the masks", fit=HALF),
    HeadSetting("3 layers in the head", sizes={"LAYERS": 3}),
    HeadSetting("384 wide", sizes={"WIDTH": 384}),
    HeadSetting("ctc_linear", head={"name": "ctc_linear"}),
    HeadSetting("ctc_linear, lr 0.002", head={"name": "ctc_linear"}, fit={"lr": 0.002}),
)
RECIPES = (
    RecipeSetting("as in params.yaml"),
    RecipeSetting("no masks", NO_MASKS),
    RecipeSetting("half of the masks", masks(0.75, 15, 1, 0.15)),
    RecipeSetting("masks", masks(1.5, 15, 2, 0.15)),
    RecipeSetting("more masks", masks(2.0, 25, 3, 0.25)),
    RecipeSetting("half of the rates", {"lr": 0.00025, "upstream_lr": 0.00015}),
    RecipeSetting("twice the rates", {"lr": 0.001, "upstream_lr": 0.0006}),
    RecipeSetting("12 epochs", {"epochs": 12}),
)
