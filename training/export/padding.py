"""Zero padding in front of a convolution, made part of the convolution: an engine otherwise copies the picture for it.

torch's convolutions pad both sides alike, ONNX's each side by its own, which EfficientNet-Lite's strided ones need.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from onnx.reference import ReferenceEvaluator

_SPATIAL = 2  # of the four axes N, C, H, W the last two


def fold_padding(path: Path) -> int:
    """Rewrite the ONNX file `path` without the nodes that pad for convolutions alone; return how many were folded."""
    model = onnx.load(str(path))
    graph = model.graph
    makers = {output: node for node in graph.node for output in node.output}
    outputs = {output.name for output in graph.output}
    pads = [node for node in graph.node if node.op_type == "Pad" and outputs.isdisjoint(node.output)]
    folded = [pad for pad in pads if _fold(pad, graph, makers, model.opset_import)]
    for node in folded:
        graph.node.remove(node)
    _drop_unused(graph)
    if folded:
        onnx.save(model, str(path))
    return len(folded)


def _fold(pad: Any, graph: Any, makers: dict[str, Any], opsets: Any) -> bool:
    """Give the padding of `pad` to the convolutions behind it; False, and nothing is done, if others read it too."""
    users = [node for node in graph.node if pad.output[0] in node.input]
    if not users or any(node.op_type != "Conv" or node.input[0] != pad.output[0] for node in users):
        return False
    values = [_constant(name, makers, opsets) for name in pad.input[1:3] if name]
    mode = next((item.s for item in pad.attribute if item.name == "mode"), b"constant")
    begins, ends = np.split(values[0], 2)
    if mode != b"constant" or np.any(values[1:]) or begins[:_SPATIAL].any() or ends[:_SPATIAL].any():
        return False
    for node in users:
        own = {item.name: item for item in node.attribute}
        before = own["pads"].ints if "pads" in own else [0] * 4
        total = np.add(before, [*begins[_SPATIAL:], *ends[_SPATIAL:]]).tolist()
        kept = [item for name, item in own.items() if name != "pads"]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute("pads", total)])
        node.input[0] = pad.input[0]
    return True


def _constant(name: str, makers: dict[str, Any], opsets: Any) -> NDArray[Any]:
    """Return the value of a tensor that depends on constants alone, as torch writes paddings."""
    nodes: list[Any] = []
    waiting = [name]
    while waiting:
        node = makers[waiting.pop()]
        if node not in nodes:
            nodes.append(node)
            waiting += [one for one in node.input if one]
    output = helper.make_tensor_value_info(name, onnx.TensorProto.UNDEFINED, None)
    part = helper.make_graph(nodes[::-1], "constant", [], [output])
    values: Any = ReferenceEvaluator(helper.make_model(part, opset_imports=opsets)).run(None, {})
    return np.asarray(values[0])


def _drop_unused(graph: Any) -> None:
    """Remove the nodes whose outputs nobody reads, from the last to the first."""
    used = {output.name for output in graph.output}
    for node in reversed(list(graph.node)):
        if used.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            used.update(node.input)
