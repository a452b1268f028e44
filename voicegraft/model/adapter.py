"""An adapter file: only the weights that training changed, a few MB for each language.

The rest is the upstream as it was fetched, which all languages share. The file is a safetensors
with the weights of the head, the modules added to the upstream, and the changed weights of the
upstream. Its metadata has model.json and the digest of the upstream.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from voicegraft.model import upstream as upstreams
from voicegraft.model.formats import write_safetensors
from voicegraft.model.grafted import (
    DESCRIPTION,
    WEIGHTS,
    Description,
    GraftedModel,
    ModelError,
    ready,
)
from voicegraft.model.precision import bound_cache

PREFIX, FACTS = "upstream.", "voicegraft"


def write_adapter(model: Path, upstream: Path, file: Path) -> None:
    """Write the weights of a model that differ from its upstream.

    Args:
        model: a folder, as train_head or finetune writes it.
        upstream: the folder that it was trained from, as fetch_model writes it.
        file: the .safetensors to write.

    Raises:
        ModelError: if a folder has no model or upstream, or the model is of another upstream.
    """
    try:
        text = (model / DESCRIPTION).read_text(encoding="utf-8")
        description = Description.model_validate_json(text)
        weights = load_file(model / WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelError(f"{model} does not hold a grafted model: {error}") from None
    base = _pretrained(upstream, description)
    own = {name: value for name, value in weights.items() if not _equal(base.get(name), value)}
    facts = {"model": json.loads(text), "upstream": digest(base)}
    write_safetensors(file, own, {FACTS: json.dumps(facts)})


def load_adapter(file: Path, upstream: Path, device: str = "auto") -> GraftedModel:
    """Load the model of an adapter file, ready to transcribe.

    Raises:
        ModelError: if the file is no adapter, or was made for another upstream.
    """
    bound_cache()
    try:
        with safe_open(file, framework="pt") as opened:
            facts = json.loads((opened.metadata() or {})[FACTS])
        description = Description.model_validate(facts["model"])
        own = load_file(file)
    except (OSError, ValueError, TypeError, KeyError, SafetensorError) as error:
        raise ModelError(f"{file} is no adapter file: {error}") from None
    base = _pretrained(upstream, description)
    if facts.get("upstream") != digest(base):
        raise ModelError(f"{file} was made for another upstream than that in {upstream}")
    try:
        model = GraftedModel(description)
        model.load_state_dict(base | {name: value.float() for name, value in own.items()})
    except (ValueError, TypeError, RuntimeError) as error:
        raise ModelError(f"{file} is no adapter file: {error}") from None
    return ready(model, device)


def _pretrained(folder: Path, description: Description) -> dict[str, Tensor]:
    """Return the upstream's weights by their names in a grafted model."""
    try:
        name, upstream = upstreams.name_in(folder), upstreams.load(folder)
    except OSError as error:
        raise ModelError(f"{folder} does not hold an upstream: {error}") from None
    if (name, upstream.config) != (description.upstream, description.upstream_config):
        raise ModelError(
            f"{folder} has the upstream {name} of {upstream.config}; the model has another"
        )
    return {PREFIX + key: value for key, value in upstream.state_dict().items()}


def _equal(pretrained: Tensor | None, value: Tensor) -> bool:
    return pretrained is not None and torch.equal(pretrained, value.float())


def digest(weights: dict[str, Tensor]) -> str:
    """Return a hash of the values, which does not depend on the file format."""
    digest = hashlib.sha256()
    for name, value in sorted(weights.items()):
        digest.update(f"{name} {tuple(value.shape)} ".encode())
        digest.update(value.contiguous().numpy().data)
    return digest.hexdigest()
