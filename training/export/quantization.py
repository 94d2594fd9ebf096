"""An ONNX graph in int8: weights by one scale a channel, activations by the range that each tensor was seen to take.

Inputs of convolutions, of matrix products with constant weights and of additions are quantised, by QuantizeLinear and
DequantizeLinear nodes that OpenVINO and ONNX Runtime fuse into int8 kernels. What follows stays as it is.
Source: Jacob et al., Quantization and training of neural networks for integer-arithmetic-only inference, 2018.
"""

from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import openvino
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from inference.predictors import openvino_core

BATCH_SIZE = 8
_WEIGHTED = ("Conv", "Gemm", "MatMul")


class Range(NamedTuple):
    """The smallest and the largest value that a tensor took, zero included."""

    low: float
    high: float


def quantise(graph: Path, target: Path, images: NDArray[np.uint8], num_threads: int) -> None:
    """Write the int8 form of the ONNX file `graph` to `target`, calibrated on `images` (N, H, W, 3)."""
    model = onnx.load(str(graph))
    ranges = activation_ranges(graph, quantised_tensors(model.graph), images, num_threads)
    _Rewriter(model.graph, ranges).rewrite()
    onnx.save(model, str(target))


def quantised_tensors(graph: Any) -> list[str]:
    """Return the names of the activations that are to be int8, in the order of their first use."""
    weights, constants = _weights_and_constants(graph)
    return list(dict.fromkeys(name for node in graph.node for name in _activations(node, weights, constants)))


def activation_ranges(graph: Path, names: list[str], images: NDArray[np.uint8], num_threads: int) -> dict[str, Range]:
    """Return the range that each of the tensors `names` takes over all of `images` (N, H, W, 3)."""
    network = _with_ranges_as_outputs(graph, names, images.shape[1:], num_threads)
    lows, highs = np.zeros(len(names)), np.zeros(len(names))
    for start in range(0, len(images), BATCH_SIZE):
        values = np.array([float(value) for value in network([images[start : start + BATCH_SIZE]]).values()])
        lows, highs = np.minimum(lows, values[0::2]), np.maximum(highs, values[1::2])
    return {name: Range(float(low), float(high)) for name, low, high in zip(names, lows, highs, strict=True)}


def _with_ranges_as_outputs(graph: Path, names: list[str], shape: tuple[int, ...], num_threads: int) -> Any:
    """Compile the graph with the minimum and the maximum of each tensor as its outputs: no activation leaves it."""
    core = openvino_core()
    model = core.read_model(graph)
    outputs = {name: output for node in model.get_ops() for output in node.outputs() for name in output.get_names()}
    opset = openvino.opset13
    results = []
    for name in names:
        axes = opset.constant(np.arange(len(outputs[name].get_partial_shape())))
        results += [opset.reduce_min(outputs[name], axes, False), opset.reduce_max(outputs[name], axes, False)]
    measuring = openvino.Model([opset.result(result) for result in results], model.get_parameters())
    measuring.reshape([-1, *shape])
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": num_threads}
    return core.compile_model(measuring, "CPU", settings)


class _Rewriter:
    """Puts quantised tensors into a graph, each once."""

    def __init__(self, graph: Any, ranges: Mapping[str, Range]) -> None:
        self._graph = graph
        self._ranges = ranges
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._done: dict[str, str] = {}  # tensor -> its quantised form
        self._before = _pools_of_quantised(graph, ranges)
        self._nodes: list[Any] = []

    def rewrite(self) -> None:
        weights, constants = _weights_and_constants(self._graph)
        for node in list(self._graph.node):
            activations = set(_activations(node, weights, constants))
            if activations and node.op_type in _WEIGHTED:
                node.input[1] = self._weight(node)
            for index, name in enumerate(node.input):
                if name in activations:
                    node.input[index] = self._activation(name)
            if node.output[0] in self._before:
                node.input[0] = self._activation(node.input[0], like=node.output[0])
            self._nodes.append(node)
        used = {name for node in self._nodes for name in node.input}
        kept = [tensor for tensor in self._constants.values() if tensor.name in used]
        del self._graph.node[:], self._graph.initializer[:]
        self._graph.node.extend(self._nodes)
        self._graph.initializer.extend(kept)

    def _activation(self, name: str, like: str | None = None) -> str:
        """Return the name of the tensor in uint8 and back; 255 steps between the ends of its range, or of `like`'s."""
        if name in self._before:
            return name
        if name not in self._done:
            low, high = self._ranges[like or name]
            scale = max((high - low) / 255, 1e-8)
            zero = np.uint8(np.clip(round(-low / scale), 0, 255))
            parameters = self._parameters(name, np.float32(scale), zero)
            self._nodes.append(helper.make_node("QuantizeLinear", [name, *parameters], [f"{name}.int8"]))
            self._dequantise(name, parameters)
        return self._done[name]

    def _weight(self, node: Any) -> str:
        """Return the name of the weights in int8 and back, symmetric, one scale an output channel."""
        name = str(node.input[1])
        if name not in self._done:
            weights = numpy_helper.to_array(self._constants[name])
            axis = _output_axis(node, weights.ndim)
            others = tuple(index for index in range(weights.ndim) if index != axis)
            scales = np.maximum(np.abs(weights).max(axis=others) / 127, 1e-12).astype(np.float32)
            levels = np.rint(weights / np.expand_dims(scales, others)).astype(np.int8)
            self._constants[f"{name}.int8"] = numpy_helper.from_array(levels, f"{name}.int8")
            self._constants[f"{name}.scale"] = numpy_helper.from_array(scales, f"{name}.scale")
            self._dequantise(
                name, [f"{name}.scale"], axis=axis
            )  # no zero point: without one, an engine has less to read
        return self._done[name]

    def _parameters(self, name: str, scale: Any, zero: Any) -> list[str]:
        for part, value in ((f"{name}.scale", scale), (f"{name}.zero", zero)):
            self._constants[part] = numpy_helper.from_array(np.asarray(value), part)
        return [f"{name}.scale", f"{name}.zero"]

    def _dequantise(self, name: str, parameters: list[str], **attributes: Any) -> None:
        self._done[name] = f"{name}.dequantised"
        inputs = [f"{name}.int8", *parameters]
        self._nodes.append(helper.make_node("DequantizeLinear", inputs, [self._done[name]], **attributes))


def _weights_and_constants(graph: Any) -> tuple[set[str], set[str]]:
    """Return the names of the stored tensors, and the same with those that Constant nodes make."""
    weights = {tensor.name for tensor in graph.initializer}
    return weights, weights.union(*(node.output for node in graph.node if node.op_type == "Constant"))


def _pools_of_quantised(graph: Any, quantised: Container[str]) -> set[str]:
    """Return the outputs of MaxPool that are to be int8 for all who read them.

    They are quantised before the pool instead, which gives the same numbers, since rounding keeps the largest the
    largest; the pool and what comes before it then compute in int8 too.
    """
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    pools = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "MaxPool"}
    return {
        output
        for output, source in pools.items()
        if output in quantised
        and source not in quantised
        and all(node.op_type in (*_WEIGHTED, "Add") for node in readers.get(output, []))
    }


def _activations(node: Any, weights: set[str], constants: set[str]) -> Iterator[str]:
    """Yield the inputs of `node` that are to be int8."""
    if node.op_type in _WEIGHTED and node.input[1] in weights and node.input[0] not in constants:
        yield node.input[0]
    elif node.op_type == "Add" and not constants.intersection(node.input):
        yield from node.input


def _output_axis(node: Any, rank: int) -> int:
    """Return the axis of the output channels in the weights of a Conv, Gemm or MatMul."""
    is_transposed = any(item.name == "transB" and item.i for item in node.attribute)
    return 0 if node.op_type == "Conv" or is_transposed else rank - 1
