"""Shadow heads: trained by the head's recipe on some of the clips, to know what others then do."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from joblib import Parallel, delayed, parallel_config
from tqdm import tqdm

from voicegraft.embedding.knobs import head_layer
from voicegraft.embedding.store import Store
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.head import HeadChoice
from voicegraft.model.saved import load_model, save_model
from voicegraft.privacy.gradients import gradients
from voicegraft.privacy.likelihood_ratio import Shadow
from voicegraft.privacy.losses import loss
from voicegraft.speech.manifest import Utterance
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute, engine, settled
from voicegraft.training.fit import Fit
from voicegraft.training.head import graft, head_trainer
from voicegraft.training.inputs import StoredStates, learnable
from voicegraft.training.loop import Trainer
from voicegraft.training.recipe import Recipe, add, parts_of
from voicegraft.training.scratch import RESULT, fingerprint, keep, recall


@dataclass(frozen=True)
class ShadowRecipe:
    """Trains heads on stored states, each on one core.

    All fields except `scratch` are in the name of a run.
    """

    upstream: Path
    embeddings: Path
    scratch: Path
    choice: HeadChoice
    fit: Fit
    compute: Compute

    def train(
        self,
        store: Store,
        clips: Sequence[Utterance],
        dev: Sequence[Utterance],
        seed: int,
        folder: Path,
    ) -> Trainer:
        """Return a trainer whose head was trained on those of `clips` that can be learnt from."""
        fit = self.fit.model_copy(update={"seed": seed})
        layer = head_layer(self.choice.layer, store)
        model = graft(layer, self.choice, store, clips, self.upstream, seed)
        trainer = head_trainer(model, store, fit, self.compute, quiet=True)
        return _run(trainer, clips, dev, folder)

    def tune(
        self,
        head: GraftedModel,
        tuning: Recipe,
        store: Store,
        clips: Sequence[Utterance],
        dev: Sequence[Utterance],
        folder: Path,
    ) -> Trainer:
        """Return a trainer that has fine-tuned a trained head, as `finetune` does.

        Raises:
            ValueError: if it does not begin with stored states: canaries have no others.
        """
        if tuning.start != "trunk" or tuning.attention_weight:
            raise ValueError(
                "audit.models: a recipe with canaries needs start: trunk and attention_weight: 0"
            )
        with TemporaryDirectory() as place:
            save_model(head, Path(place))
            model = load_model(Path(place), "cpu")
        layer = tuning.trunk(model.description.layer)
        add(model, tuning)
        inputs, parts = StoredStates(store, layer, tuning.masking), parts_of(tuning, model)
        fabric = engine(settled(self.compute, model, inputs, parts))
        trainer = Trainer(fabric, model, inputs, parts, tuning, quiet=True)
        return _run(trainer, clips, dev, folder)

    def shadow(
        self,
        clips: Sequence[Utterance],
        trained: np.ndarray,
        dev: Sequence[Utterance],
        seed: int,
        run: Path,
    ) -> tuple[Shadow, float]:
        """Return a head trained on some of `clips`, and its seconds; recalled if it was before."""
        if kept := recall(run / RESULT):
            tensors, values = kept
            found = (tensors[name].numpy() for name in ("losses", "gradients"))
            return Shadow(trained, *found), values["seconds"]
        began = time.monotonic()
        own = [clip for clip, drawn in zip(clips, trained, strict=True) if drawn]
        trainer = self.train(Store(self.embeddings), own, dev, seed, run)
        found = {"losses": losses_of(trainer, clips), "gradients": gradients(trainer, clips)}
        seconds = round(time.monotonic() - began, 1)
        tensors = {name: torch.from_numpy(values) for name, values in found.items()}
        keep(run / RESULT, tensors, {"seconds": seconds})
        return Shadow(trained, **found), seconds


def _run(
    trainer: Trainer, clips: Sequence[Utterance], dev: Sequence[Utterance], folder: Path
) -> Trainer:
    """Train on those of `clips` that can be learnt from, and return the trainer."""
    checkpoint = Checkpoint(folder)
    sides = [learnable(side, trainer.inputs, trainer.bare) for side in (clips, dev)]
    trainer.run(*sides, checkpoint)
    checkpoint.discard()
    return trainer


def losses_of(trainer: Trainer, clips: Sequence[Utterance]) -> np.ndarray:
    """Return the loss of each clip by the trained head, from its stored states, (clips,)."""
    found = {c.id: loss(e, c, trainer.bare.labels) for c, e in trainer.emissions(clips)}
    return np.array([found[clip.id] for clip in clips])


def train_shadows(
    recipe: ShadowRecipe,
    clips: Sequence[Utterance],
    drawn: np.ndarray,
    dev: Sequence[Utterance],
    used: set[str],
) -> tuple[list[Shadow], list[float]]:
    """Return a shadow for each row of `drawn`, (heads, clips), and the seconds that each took.

    Each core trains one head at a time. The names of the runs are added to `used`.
    """
    facts = fingerprint({k: v for k, v in vars(recipe).items() if k != "scratch"})
    wanted = []
    for number, trained in enumerate(drawn):
        lesson = [clip.id for clip, own in zip(clips, trained, strict=True) if own]
        asked = [clip.id for clip in clips]
        name = fingerprint({"of": facts, "lesson": lesson, "asked": asked, "number": number})
        used.add(name)
        wanted.append((clips, trained, dev, recipe.fit.seed + 1 + number, recipe.scratch / name))
    on_cpu = recipe.compute.accelerator == "cpu" or not torch.cuda.is_available()
    with parallel_config("loky", n_jobs=-1 if on_cpu else 1, inner_max_num_threads=1):
        runs = Parallel(return_as="generator")(delayed(recipe.shadow)(*which) for which in wanted)
        found = list(tqdm(runs, "shadows", total=len(wanted), unit="head"))
    return [shadow for shadow, _ in found], [seconds for _, seconds in found]
