"""What computes features: a backbone in the fastest form that this machine has.

    torch, bfloat16 or float16    on CUDA
    OpenVINO, bfloat16            on a CPU whose hardware has it, else float32; a SageMaker job installs it itself
    torch, bfloat16               the same without OpenVINO; normalisation is folded into the convolutions before it

How fast each is, and that bfloat16 costs no accuracy, stands in docs/experiments.md.
"""

import copy
import warnings
from typing import Any, Protocol

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from inference.model import normalise
from inference.predictors import openvino_core
from inference.preprocessing import Preprocessing
from training.errors import ConfigError
from training.model.precision import best_device, has_bf16
from training.packages import missing_packages

EXTRACTORS = ("auto", "torch", "openvino")
PRECISIONS = ("auto", "fp32", "bf16")
# Pixels; the graph of convolutions is the same at any side, and tracing a small image takes a quarter of the time.
TRACED_SIDE = 96
# What these do depends on the side, and a trace has it fixed.
ATTENTION = ("MultiheadAttention", "ShiftedWindowAttention", "ShiftedWindowAttentionV2")


class Extractor(Protocol):
    """Turns images into features."""

    name: str  # torch or openvino
    precision: str  # fp32, bf16 or fp16

    def features(self, images: Tensor) -> Tensor:
        """Return float32 features (B, num_features) of uint8 `images` (B, 3, H, W)."""


class NormalisedBackbone(nn.Module):
    """A backbone behind its own normalisation."""

    def __init__(self, backbone: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.backbone = backbone
        self.preprocessing = preprocessing

    def forward(self, images: Tensor) -> Tensor:
        """Return features (B, num_features) of uint8 images (B, 3, H, W)."""
        features: Tensor = self.backbone(normalise(images, self.preprocessing))
        return features


def make_extractor(backbone: nn.Module, preprocessing: Preprocessing, kind: str, precision: str) -> Extractor:
    """Return the extractor that was asked for; `backbone` itself stays as it is.

    Raises:
        ConfigError: openvino is asked for and not installed.
    """
    device = best_device()
    wants_openvino = kind == "openvino" or (kind == "auto" and device.type == "cpu")
    has_openvino = wants_openvino and "openvino" not in missing_packages()
    if kind == "openvino" and not has_openvino:
        raise ConfigError("extractor='openvino' is not installed; pip install openvino, or use extractor=torch")
    if precision == "auto":
        precision = "bf16" if has_bf16(device.type) else ("fp16" if device.type == "cuda" else "fp32")
    if has_openvino:
        return OpenVinoExtractor(backbone, preprocessing, precision)
    return TorchExtractor(backbone, preprocessing, precision, device)


class TorchExtractor:
    """torch, channels_last, in half precision throughout where it is asked for."""

    name = "torch"

    def __init__(self, backbone: nn.Module, preprocessing: Preprocessing, precision: str, device: torch.device) -> None:
        self.precision = precision
        self.preprocessing = preprocessing
        self.dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
        folded = _folded(copy.deepcopy(backbone).eval())
        self.network = folded.to(device, self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.device = device

    def features(self, images: Tensor) -> Tensor:
        with torch.inference_mode():
            batch = normalise(images.to(self.device), self.preprocessing)
            features: Tensor = self.network(batch.to(self.dtype, memory_format=torch.channels_last))
        return features.float().cpu()


class OpenVinoExtractor:
    """OpenVINO on the CPU, with as many threads as torch was given."""

    name = "openvino"

    def __init__(self, backbone: nn.Module, preprocessing: Preprocessing, precision: str) -> None:
        import openvino

        self.precision = precision
        side, traced = preprocessing.image_size, traced_side(backbone, preprocessing.image_size)
        module = NormalisedBackbone(_folded(copy.deepcopy(backbone).eval().cpu().float()), preprocessing)
        small = torch.zeros((1, 3, traced, traced), dtype=torch.uint8)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of torch, on being traced
            traced = torch.jit.trace(module, small, check_trace=False)  # type: ignore[no-untyped-call]
            graph = openvino.convert_model(traced, example_input=small, input=[-1, 3, side, side])
        settings: dict[str, Any] = {
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
        }
        self.request = openvino_core().compile_model(graph, "CPU", settings).create_infer_request()

    def features(self, images: Tensor) -> Tensor:
        self.request.infer([images.contiguous().numpy()], share_inputs=True)
        return torch.tensor(self.request.get_output_tensor().data)


def traced_side(backbone: nn.Module, side: int) -> int:
    """Return at which side to trace a network that is to see `side`."""
    is_fixed = any(type(module).__name__ in ATTENTION for module in backbone.modules())
    return side if is_fixed else min(side, TRACED_SIDE)


def _folded(network: nn.Module) -> nn.Module:
    """Return `network` with batch normalisation inside the convolutions before it; as it is if it cannot be traced."""
    try:
        traced = fx.symbolic_trace(network)
    except Exception:  # noqa: BLE001 - a network with control flow; it is only slower unfolded
        return network
    modules = dict(traced.named_modules())
    for node in list(traced.graph.nodes):
        before = node.args[0] if node.op == "call_module" and type(modules[node.target]) is nn.BatchNorm2d else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1:
            continue
        convolution = modules[str(before.target)]
        if type(convolution) is nn.Conv2d:
            parent, _, name = str(before.target).rpartition(".")
            setattr(traced.get_submodule(parent), name, fuse_conv_bn_eval(convolution, modules[node.target]))
            node.replace_all_uses_with(before)
            traced.graph.erase_node(node)
    traced.recompile()
    return traced
