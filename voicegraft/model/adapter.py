"""An adapter file: only the weights that training changed, a few MB for each language.

The rest is the upstream as it was fetched, which all languages share. The file is a safetensors
with the weights of the head, the modules added to the upstream, and the changed weights of the
upstream. Its metadata has model.json and the digest of the upstream. The decoder of a model, its
language model, is there too: each of its files, compressed.
"""

import hashlib
import json
import zlib
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from voicegraft.model import upstream as upstreams
from voicegraft.model.formats import write_safetensors
from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.model.precision import bound_cache
from voicegraft.model.saved import DESCRIPTION, WEIGHTS, ModelError, ready
from voicegraft.pipeline.files import NONSENSE, whole

PREFIX, FACTS = "upstream.", "voicegraft"
FILE = "file:"
"""Before the name of a file of the decoder, such as decoder/words.arpa."""
MOST_BYTES = 2**31


def write_adapter(model: Path, upstream: Path, file: Path) -> None:
    """Write the weights of a model that differ from its upstream, and its decoder.

    Args:
        model: a folder, as train_head, finetune or decode writes it.
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
    base = _pretrained(upstream, description, model)
    own = {name: value for name, value in weights.items() if not _equal(base.get(name), value)}
    facts = {"model": json.loads(text), "upstream": digest(base)}
    write_safetensors(file, own | _packed(model), {FACTS: json.dumps(facts)})


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
        own = {name: v for name, v in load_file(file).items() if not name.startswith(FILE)}
    except (OSError, *NONSENSE, SafetensorError) as error:
        raise ModelError(f"{file} is no adapter file: {error}") from None
    base = _pretrained(upstream, description, file)
    if facts.get("upstream") != digest(base):
        raise ModelError(f"{file} was made for another upstream than that in {upstream}")
    try:
        model = GraftedModel(description)
        model.load_state_dict(base | {name: value.float() for name, value in own.items()})
    except (*NONSENSE, RuntimeError, AttributeError) as error:
        raise ModelError(f"{file} is no adapter file: {error}") from None
    return ready(model, device)


def unpack_decoder(file: Path, folder: Path) -> None:
    """Write the files of the decoder in an adapter into `folder`, as they were in the model's.

    Raises:
        ModelError: if one of them is damaged, or would not be in a folder of `folder`.
    """
    with safe_open(file, framework="np") as opened:
        packed = {n: opened.get_tensor(n) for n in opened.keys() if n.startswith(FILE)}  # noqa: SIM118
    for name, content in packed.items():
        parts = PurePosixPath(name.removeprefix(FILE)).parts
        if len(parts) != 2 or ".." in parts or "/" in parts:
            raise ModelError(f"{file} is no adapter file: {name!r} is not a file of a decoder")
        path = folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with whole(path) as partial:
                partial.write_bytes(_unpacked(content.tobytes()))
        except (zlib.error, ValueError) as error:
            raise ModelError(f"{file} is damaged: {name}: {error}") from None


def _unpacked(content: bytes) -> bytes:
    """Return what was compressed, of `MOST_BYTES` at most: a few kilobytes may fill a disk."""
    unpacking = zlib.decompressobj()
    found = unpacking.decompress(content, MOST_BYTES)
    if not unpacking.eof:
        raise ValueError(f"it ends early, or has more than {MOST_BYTES:,} bytes")
    return found


def _packed(model: Path) -> dict[str, Tensor]:
    """Return the files in folders of a model's folder, each compressed."""
    return {
        f"{FILE}{path.relative_to(model).as_posix()}": torch.from_numpy(
            np.frombuffer(zlib.compress(path.read_bytes()), np.uint8).copy()
        )
        for path in sorted(model.glob("*/*"))
    }


def _pretrained(folder: Path, description: Description, of: Path) -> dict[str, Tensor]:
    """Return the upstream's weights by their names in a grafted model."""
    try:
        name, upstream = upstreams.name_in(folder), upstreams.load(folder)
    except OSError as error:
        raise ModelError(f"{folder} does not hold an upstream: {error}") from None
    if (name, upstream.config) != (description.upstream, description.upstream_config):
        raise ModelError(f"{folder} has the upstream {name} of {upstream.config}; {of} has another")
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
