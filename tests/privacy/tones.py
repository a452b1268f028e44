"""A recipe of shadow heads on tones."""

from pathlib import Path

from voicegraft.model.head import HeadChoice
from voicegraft.pipeline.params import load_params
from voicegraft.privacy.shadows import ShadowRecipe
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit

ROOT = Path(__file__).parent.parent.parent


def recipe_of(folder, **knobs):
    fit = load_params(Fit, "train_head", ROOT / "params.yaml").model_copy(
        update={"epochs": 1, "min_steps": 0, "batch_seconds": 2.0} | knobs
    )
    compute = Compute(accelerator="cpu", devices=1, precision="32-true")
    places = (folder / name for name in ("upstream", "embeddings", "scratch"))
    return ShadowRecipe(*places, HeadChoice(name="ctc_linear", layer=2), fit, compute)
