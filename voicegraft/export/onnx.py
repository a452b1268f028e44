"""Write a graph as ONNX, quantise it, run it.

torch and onnxscript write the file; onnxruntime, which is all that a user needs, reads it.
"""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn
from torch.export import Dim

from voicegraft.export.waveform import always_masked

LARGEST_FILE = 2**31 - 2**20
"""What a file of Protocol Buffers can hold; larger weights are in a second file beside it."""
ACTIVATIONS = ("Gelu", "Relu")


def write(graph: nn.Module, example: Sequence[torch.Tensor], path: Path) -> None:
    """Write `graph`, for any batch and length, without a path or a name of this machine.

    Args:
        graph: its `INPUTS` and `OUTPUTS` name what it takes and gives, with the axes of each.
        example: inputs, of at least two clips.
        path: of the file.
    """
    shapes = tuple(dict.fromkeys(range(len(axes)), Dim.DYNAMIC) for axes in graph.INPUTS.values())
    with _quiet(), _one_form(), torch.no_grad(), always_masked():
        program = torch.onnx.export(
            graph.eval(),
            tuple(example),
            dynamo=True,
            verbose=False,
            dynamic_shapes=shapes,
            input_names=list(graph.INPUTS),
            output_names=list(graph.OUTPUTS),
        )
    _tidy(program.model, graph)
    size = sum(value.const_value.nbytes for value in program.model.graph.initializers.values())
    program.save(path, external_data=size > LARGEST_FILE)


def quantise(path: Path, target: Path) -> None:
    """Write the graph in `path` with the weights of its products as 8-bit integers.

    What comes out of an activation function has outliers, which 8 bits cut off (Dettmers et al.
    2022, https://arxiv.org/abs/2208.07339): products of these stay as they are.
    """
    nodes = onnx.load(path, load_external_data=False).graph.node
    activated = {name for node in nodes if node.op_type in ACTIVATIONS for name in node.output}
    with _quiet():
        quantize_dynamic(
            path,
            target,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[node.name for node in nodes if activated & set(node.input)],
            use_external_data_format=path.with_name(path.name + ".data").exists(),
            extra_options={"MatMulConstBOnly": True},
        )


class Recogniser:
    """Run a file of ONNX, as `GraftedModel.emissions` runs a model.

    Args:
        path: of the file.
        threads: for each product; 0 is as many as there are cores.
    """

    def __init__(self, path: Path, threads: int = 0):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(path, options)
        self.inputs = [given.name for given in self.session.get_inputs()]

    def emissions(self, waves: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return emissions, (frames, labels), of waves, float32 (samples,), in one batch.

        A graph that takes no lengths takes waves of one length.
        """
        lengths = np.array([len(wave) for wave in waves])
        padded = np.zeros((len(waves), lengths.max()), np.float32)
        for row, wave in zip(padded, waves, strict=True):
            row[: len(wave)] = wave
        values = dict(zip(self.inputs, (padded, lengths), strict=False))
        found, *frames = self.session.run(None, values)
        if not frames:
            return list(found if found.ndim == 3 else found[:, None])
        return [emission[:n] for emission, n in zip(found, frames[0], strict=True)]


def _tidy(model: object, graph: nn.Module) -> None:
    """Name the axes, and leave out where in the code each node is from."""
    named = (model.graph.inputs, graph.INPUTS), (model.graph.outputs, graph.OUTPUTS)
    for values, axes in named:
        for value, names in zip(values, axes.values(), strict=True):
            value.shape = type(value.shape)(names)
    nodes, values = list(model.graph.all_nodes()), model.graph.initializers.values()
    for node in nodes:
        node.doc_string = None
    parts = model.graph.inputs, values, nodes, *(node.outputs for node in nodes)
    for part in (model, model.graph, *chain(*parts)):
        part.metadata_props.clear()
    model.producer_name, model.producer_version = "voicegraft", None


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what the libraries tell their developers."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


@contextmanager
def _one_form() -> Iterator[None]:
    """Turn off torch's own fused Transformer layer, which no graph has."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
