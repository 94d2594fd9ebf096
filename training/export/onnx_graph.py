"""A trained network as an ONNX graph that takes pixels: the preprocessing constants are inside.

Input "image", uint8 (N, H, W, 3); output "logits", float32 (N, num_classes). Engines read it without torch.
"""

import copy
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from inference.predictors import WEIGHTS_SUFFIX
from inference.preprocessing import Preprocessing

OPSET = 17  # torch 2.4 writes it, OpenVINO and ONNX Runtime read it


class PixelsToLogits(nn.Module):
    """The network behind its own normalisation."""

    mean: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", 255 * torch.tensor(preprocessing.mean).view(1, 3, 1, 1))
        self.register_buffer("scale", 1 / (255 * torch.tensor(preprocessing.std).view(1, 3, 1, 1)))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (N, num_classes) of uint8 pixels (N, H, W, 3)."""
        images = pixels.permute(0, 3, 1, 2).to(torch.float32)
        logits: Tensor = self.network((images - self.mean) * self.scale)
        return logits


def export_onnx(network: nn.Module, preprocessing: Preprocessing, path: Path) -> None:
    """Write the graph of `network` as it stands, in eval mode, to `path`; `network` itself stays as it is."""
    wrapped = PixelsToLogits(copy.deepcopy(network).float().cpu(), preprocessing).eval()
    side = preprocessing.image_size
    with warnings.catch_warnings():
        # The newer exporter needs onnxscript and is slower; this one writes the same graph with torch 2.4 to 2.13.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            wrapped,
            (torch.zeros((1, side, side, 3), dtype=torch.uint8),),
            str(path),
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}},
            opset_version=OPSET,
            dynamo=False,
        )
    if any(isinstance(module, nn.ZeroPad2d) for module in network.modules()):
        from training.export.padding import fold_padding

        fold_padding(path)


def keep_weights_beside(graph: Path) -> None:
    """Move the weights of an ONNX file to one beside it, as ONNX provides for: an engine maps them and copies none."""
    import onnx

    model, weights = onnx.load(str(graph)), graph.with_suffix(WEIGHTS_SUFFIX)
    weights.unlink(missing_ok=True)  # it would be written behind what is there
    unfinished = graph.with_suffix(".partial")
    onnx.save(model, str(unfinished), save_as_external_data=True, location=weights.name)
    weights.chmod(0o644)  # onnx makes it for its owner alone, who need not be whom the container runs as
    unfinished.replace(graph)
