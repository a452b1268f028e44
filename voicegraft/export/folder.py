"""Export a model into a folder: the graph, checked against torch, its labels, and its card."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from voicegraft.export import onnx
from voicegraft.export.card import Given, write_card
from voicegraft.export.layouts import Layout, write_layout
from voicegraft.export.waveform import Levelled, Waveform, levelled
from voicegraft.language.settings import FOLDER as DECODER
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.precision import sound
from voicegraft.model.saved import load_model
from voicegraft.pipeline.files import whole_apart

GRAPH, QUANTISED = "model.onnx", "model.int8.onnx"
LANGUAGE_MODEL = "language_model"
MOST = 0.01
"""The largest difference of log-probabilities from torch's; rounding makes 0.0002."""


class ExportError(ValueError):
    """A graph does not compute what its model does."""


@dataclass(frozen=True)
class Exported:
    """What was found when the files of an export were run beside the model.

    Attributes:
        difference: the largest between log-probabilities and those of torch.
        clips: on how many clips.
        alike: the share of frames in which the 8-bit file has the same likeliest label; None if
            there is no such file.
    """

    difference: float
    clips: int
    alike: float | None


def export(
    model: Path,
    out: Path,
    layout: Layout,
    int8: bool,
    given: Given,
    step: Callable[[str], object] = str,
) -> Exported:
    """Write `out`, which appears whole or not at all.

    Args:
        model: folder of a trained model; its language model is copied.
        out: must not be there.
        layout: of a recogniser; a classifier has one of its own.
        int8: whether to write an 8-bit file too.
        given: what the card cannot find beside the model.
        step: is told what is being done.

    Raises:
        ModelError: if the folder has no valid model.
        FileExistsError: if `out` is there.
        ValueError: if such a model cannot be exported.
        ExportError: if the file computes something else than the model.
    """
    if out.exists():
        raise FileExistsError(f"{out} is there already: name a new folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole_apart(out) as folder:
        folder.mkdir()
        step("loading the model")
        loaded = load_model(model, "cpu")
        if loaded.description.pooling and layout != "onnx-asr":
            raise ValueError(f"{model} is a classifier, and {layout} is for recognisers")
        waves = _clips(loaded)
        own = [emission.numpy() for emission in _emissions(loaded, waves, layout)]
        write_layout(folder, loaded, layout)
        step("writing the graph")
        _write_graph(loaded, layout, waves, folder / GRAPH)
        step("running it beside torch")
        found = _runs(folder / GRAPH, waves)
        difference = max(float(np.abs(a - b).max()) for a, b in zip(own * 2, found, strict=True))
        if not difference <= MOST:
            raise ExportError(f"{out}: log-probabilities differ from torch's by {difference:.2g}")
        alike = None
        if int8:
            step("rounding weights to 8 bits")
            onnx.quantise(folder / GRAPH, folder / QUANTISED)
            rounded = _runs(folder / QUANTISED, waves)
            alike = _alike(found, rounded)
        _copy_language_model(model, folder)
        write_card(folder, model, loaded, given)
    return Exported(difference, len(waves), alike)


def _clips(model: GraftedModel) -> list[np.ndarray]:
    """Return synthesised sound of several lengths, float32 (samples,)."""
    voice, noise = (wave.numpy() for wave in sound(model.upstream))
    return [voice, noise, np.concatenate([noise, voice]), np.tile(voice, 4)]


def _emissions(
    model: GraftedModel, waves: Sequence[np.ndarray], layout: Layout
) -> list[torch.Tensor]:
    if layout == "sherpa-onnx":
        waves = [levelled(torch.from_numpy(wave)).numpy() for wave in waves]
    return model.emissions(waves)


def _write_graph(
    model: GraftedModel, layout: Layout, waves: Sequence[np.ndarray], path: Path
) -> None:
    graph = Waveform(model)
    example = torch.from_numpy(np.stack([waves[-1], waves[-1][::-1]]))
    if layout == "sherpa-onnx":
        onnx.write(Levelled(graph), [example], path)
    else:
        lengths = torch.tensor([example.shape[1], example.shape[1] // 2])
        onnx.write(graph, [example, lengths], path)


def _runs(path: Path, waves: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return emissions of each clip alone, and then of all in a batch, if the graph has lengths."""
    recogniser = onnx.Recogniser(path, threads=1)
    alone = [recogniser.emissions([wave])[0] for wave in waves]
    return alone + (recogniser.emissions(waves) if len(recogniser.inputs) > 1 else alone)


def _alike(some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> float:
    same = [a.argmax(-1) == b.argmax(-1) for a, b in zip(some, others, strict=True)]
    return float(np.concatenate(same).mean())


def _copy_language_model(model: Path, folder: Path) -> None:
    if (model / DECODER).is_dir():
        shutil.copytree(model / DECODER, folder / LANGUAGE_MODEL)
