"""The models in the report and their roles: grafted, zero-shot or control."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from scipy.special import softmax

from voicegraft.model.sizes import tensor_sizes
from voicegraft.report.findings import Findings
from voicegraft.report.transfer import Transfer

GRAFTED, ZERO_SHOT, CONTROL = "grafted", "zero-shot", "control"
ROLES = (GRAFTED, ZERO_SHOT, CONTROL)
UNTRAINED = {"log_mel", "mfcc", "random"}
"""Upstreams without pretraining: controls, even if nothing was compared with them yet."""


@dataclass(frozen=True)
class Model:
    """A model with a folder in evaluation/."""

    name: str
    role: str
    metrics: dict[str, Any]

    @property
    def splits(self) -> list[str]:
        """The splits on which it was scored."""
        return list(self.metrics)

    @property
    def title(self) -> str:
        """Its name, with its role unless it is grafted."""
        return self.name if self.role == GRAFTED else f"{self.name} ({self.role})"


@dataclass(frozen=True)
class Build:
    """Upstream, head and size of a model on disk."""

    name: str
    description: dict[str, Any]
    megabytes: float
    weights: int
    training: dict[str, Any] | None
    """The parameters that fine-tuning changed; None for a head."""
    forgetting: dict[str, Any] | None
    """The results of the study forgetting."""
    layers: dict[int, float]
    """The weight of each input layer of the head; empty if there is only one."""


def evaluated(findings: Findings, compared: Transfer | None) -> list[Model]:
    """Return the models by role, grafted ones first, then by the first rate on the first split."""
    controls = UNTRAINED | set(findings.params.get("transfer", {}).get("controls", []))
    controls |= {line.control for line in compared.lines} if compared else set()
    models = [
        Model(name, _role(name, controls), findings.metrics(name)) for name in findings.models
    ]
    first, sign = findings.rates.first, -1 if findings.rates.more_is_better else 1
    return sorted(models, key=lambda m: (ROLES.index(m.role), sign * m.metrics[m.splits[0]][first]))


def sides(models: Sequence[Model]) -> list[str]:
    """Return the splits on which any of `models` was scored."""
    return list(dict.fromkeys(split for model in models for split in model.splits))


def builds(findings: Findings) -> Iterator[Build]:
    """Yield the build of each model on disk, without loading it."""
    for name in findings.models:
        description, path = findings.description(name), findings.weights(name)
        if description and path.is_file():
            layers = _layer_weights(path, description["layer"])
            found = findings.training(name), findings.forgetting(name), layers
            weights = sum(tensor_sizes(path).values())
            yield Build(name, description, path.stat().st_size / 1e6, weights, *found)


def _layer_weights(path: Path, layer: int | list[int]) -> dict[int, float]:
    """Return the weights of `WeightedSum`, if the model has one.

    A classifier has no such weights: it concatenates layers.
    """
    with safe_open(path, framework="numpy") as file:
        if isinstance(layer, int) or "mix.logits" not in file.keys():
            return {}
        weights = softmax(file.get_tensor("mix.logits").astype("float64"))
    return dict(zip(layer, weights.tolist(), strict=True))


def _role(name: str, controls: set[str]) -> str:
    if name == "zero_shot":
        return ZERO_SHOT
    return CONTROL if name in controls else GRAFTED
