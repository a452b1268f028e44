"""A grafted model in one self-contained folder.

`model.json` describes the network, `model.safetensors` has all weights.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from voicegraft.model.attention import AttentionDecoder
from voicegraft.model.formats import read_safetensors, write_safetensors
from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.model.precision import bound_cache
from voicegraft.pipeline.files import NONSENSE, whole

DESCRIPTION, WEIGHTS = "model.json", "model.safetensors"


class ModelError(ValueError):
    """A folder has no valid grafted model."""


def save_model(
    model: GraftedModel, folder: Path, weights: Mapping[str, Tensor] | None = None
) -> None:
    """Write the model; tensors that float16 represents exactly are stored in float16.

    Args:
        model: of which at least the description is written.
        folder: where.
        weights: all of them, if the model has but shards; its own by default.

    Raises:
        OSError: naming the file that cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    given = model.state_dict() if weights is None else weights
    smallest = {name: _smallest_exact(value.detach().cpu()) for name, value in given.items()}
    write_safetensors(folder / WEIGHTS, smallest)
    text = model.description.model_dump_json(indent=2, exclude_none=True)
    with whole(folder / DESCRIPTION) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def load_model(folder: Path, device: str = "auto") -> GraftedModel:
    """Return the model in `folder`, ready to transcribe.

    Args:
        device: "cpu", "cuda" …; "auto" is the GPU if there is one.

    Raises:
        ModelError: if the folder has no valid model.
    """
    bound_cache()
    with _refusing(folder, DESCRIPTION):
        model = GraftedModel(load_description(folder))
    with _refusing(folder, WEIGHTS):
        weights = load_file(folder / WEIGHTS)
        model.load_state_dict({name: value.float() for name, value in weights.items()})
    return ready(model, device)


def load_description(folder: Path) -> Description:
    """Return the description of the model in `folder`.

    Raises:
        ModelError: if the folder has none, or one that is not valid.
    """
    with _refusing(folder, DESCRIPTION):
        return Description.model_validate_json((folder / DESCRIPTION).read_bytes())


def load_attention(folder: Path) -> AttentionDecoder | None:
    """Return the attention decoder of the model in `folder`, alone; None if it has none.

    Raises:
        ModelError: if the folder has no valid model.
    """
    config = load_description(folder).attention
    if config is None:
        return None
    with _refusing(folder, WEIGHTS):
        decoder = AttentionDecoder(config)
        weights = read_safetensors(folder / WEIGHTS, ("attention.",))
        decoder.load_state_dict({name: value.float() for name, value in weights.items()})
    return decoder.eval().requires_grad_(False)


@contextmanager
def _refusing(folder: Path, file: str) -> Iterator[None]:
    """Make a ModelError of what goes wrong with a file of a model."""
    try:
        yield
    except ModelError:
        raise
    except (OSError, *NONSENSE, SafetensorError, RuntimeError, AttributeError) as error:
        why = " ".join(f"{error}".split())
        raise ModelError(f"{folder} does not hold a grafted model: {file}: {why}") from None


def ready(model: GraftedModel, device: str) -> GraftedModel:
    """Return the model in evaluation mode on `device`, given as for `load_model`."""
    return model.eval().requires_grad_(False).to(_device(device))


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {name!r} cannot be used here: {error}") from None


def _smallest_exact(values: Tensor) -> Tensor:
    halves = values.half()
    return halves.contiguous() if torch.equal(halves.float(), values) else values.contiguous()
