"""Whether the attacks of the study privacy find members where there are some, and none elsewhere.

    python -m benchmarks.membership models data/corpus data/embeddings

Reads   MODELS with upstream and head, CORPUS and EMBEDDINGS, as the stages leave them
Writes  benchmarks/results.json, its part `membership`
Knobs   head: layer; train_head; compute; evaluate; audit: minutes, seed

Where there must be some: a linear head that is trained for 200 passes on 5 minutes, drawn clip by
clip, without masks, to the epoch that fits these best. Where there can be none: the losses of test
clips by the head, split in two at random a hundred times; and its losses of clips of train and of
test, with the labels of membership shuffled as often.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.results import keep
from voicegraft.embedding.store import Store
from voicegraft.evaluation.summary import Evaluate
from voicegraft.model.batches import Padded, join
from voicegraft.model.head import HeadChoice
from voicegraft.model.saved import load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import STUDIES_FILE, load_params, read_params
from voicegraft.privacy.attacks import Audit
from voicegraft.privacy.findings import by_membership
from voicegraft.privacy.likelihood_ratio import Shadow
from voicegraft.privacy.losses import loss
from voicegraft.privacy.measure import Resampling
from voicegraft.privacy.roc import Roc
from voicegraft.privacy.shadows import ShadowRecipe, losses_of
from voicegraft.privacy.targets import Targets
from voicegraft.speech.manifest import Utterance
from voicegraft.studies.amounts import draw
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit, Masking
from voicegraft.training.inputs import StoredStates

MINUTES, EPOCHS, DRAWS = 5.0, 200, 100
HEAD, LR = "ctc_linear", 0.01
"""The smallest head there is, and the cheapest: one with more weights remembers more."""
NO_MASKS = Masking(time_masks_per_second=0.0, time_mask_frames=0, size_masks=0, size_mask_share=0.0)


def overfitted(recipe: ShadowRecipe, targets: Targets, params: Evaluate) -> dict[str, Any]:
    """Return what the loss tells of the members of a head that is fitted to few clips."""
    voices = {clip.speaker for clip in targets.corpus.of("test")}
    clips = [clip for clip in targets.clips if clip.speaker in voices]
    own = draw(clips, MINUTES, recipe.fit.seed)
    ids = {clip.id for clip in own}
    with tempfile.TemporaryDirectory() as folder:
        trainer = recipe.train(targets.store, own, own, recipe.fit.seed, Path(folder))
    trained = np.array([clip.id in ids for clip in clips])
    audit = Audit(clips, [Shadow(trained, losses_of(trainer, clips))], params)
    attacks = audit.of_recipe()
    return asdict(by_membership("model:overfitted", attacks)) | attacks[0].rounded()


def stored_losses(model: Path, store: Store, clips: Sequence[Utterance]) -> np.ndarray:
    """Return the loss of each clip by a head on the stored states, (clips,)."""
    grafted = load_model(model, "cpu")
    inputs = StoredStates(store, grafted.description.layer, NO_MASKS)

    @torch.inference_mode()
    def of(clip: Utterance) -> float:
        states = join([inputs(clip)])
        (emission,) = Padded(*grafted(states.values, states.lengths, inputs.start)).clips()
        return loss(emission, clip, grafted.labels)

    return np.array([of(clip) for clip in clips])


def covered(
    clips: Sequence[Utterance],
    scores: np.ndarray,
    labels: Callable[[np.random.Generator], np.ndarray],
    params: Evaluate,
) -> int:
    """Return for how many of DRAWS labels, (clips,) of bool, the interval of AUC contains 0.5."""
    rng, resampling, found = np.random.default_rng(params.seed), Resampling.of(clips, params), 0
    for _ in range(DRAWS):
        roc = Roc(scores, labels(rng))
        auc = resampling.measure(roc.auc, params.confidence, most=1.0)
        found += auc.low <= 0.5 <= auc.high
    return found


def nothing_found(targets: Targets, head: Path, params: Evaluate) -> dict[str, int]:
    """Return for how many draws nothing is found, where nothing is."""
    test = targets.corpus.of("test")
    clips = [c for c, side in zip(targets.clips, targets.member, strict=True) if not np.isnan(side)]
    member = np.array([clip.split == "train" for clip in clips])
    of_test, of_all = (-stored_losses(head, targets.store, own) for own in (test, clips))
    halves = np.arange(len(test)) < len(test) // 2
    return {
        "draws": DRAWS,
        "split": covered(test, of_test, lambda rng: rng.permutation(halves), params),
        "shuffled": covered(clips, of_all, lambda rng: rng.permutation(member), params),
    }


def main(models: Path, corpus: Path, embeddings: Path) -> None:
    params = load_params(Evaluate, "evaluate")
    knobs = read_params(STUDIES_FILE)["audit"]
    targets = Targets.of(corpus, embeddings, knobs["minutes"], knobs["seed"], params.batch_seconds)
    fit = load_params(Fit, "train_head").model_copy(
        update={"epochs": EPOCHS, "patience": EPOCHS, "min_steps": 0, "masking": NO_MASKS, "lr": LR}
    )
    choice = load_params(HeadChoice, "head").model_copy(update={"name": HEAD})
    compute = load_params(Compute, "compute")
    upstream, scratch = models / "upstream", Path(tempfile.gettempdir())
    recipe = ShadowRecipe(upstream, embeddings, scratch, choice, fit, compute)
    measured = {"nothing": nothing_found(targets, models / "head", params)}
    print(measured, file=sys.stderr)
    measured["overfitted"] = overfitted(recipe, targets, params)
    keep("membership", measured)
    print(measured["overfitted"]["evidence"])


if __name__ == "__main__":
    run_stage(main)
