"""The networks that the peers serve, each as a function from the bytes of a photograph to its five best classes.

A peer's server imports this file in its own environment. It opens, resizes and normalises a photograph as that engine's
documentation does; openvino-int8 alone is the product's own predictor and decoding, to tell servers from engines.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

if TYPE_CHECKING:
    import torch

Answer = list[dict[str, Any]]
Classify = Callable[[bytes], Answer]


def classifier(kind: str, model: Path) -> Classify:
    """Return what answers with the artifact in `model`; kind is a key of ENGINES."""
    names = json.loads((model / "model.json").read_text())["class_names"]
    logits = ENGINES[kind](model)
    return lambda photo: best(logits(photo), names)


def best(logits: NDArray[np.float32], names: list[str], count: int = 5) -> Answer:
    """Return the most probable classes."""
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    indices = np.argsort(-shares)[:count].tolist()
    return [{"class_name": names[index], "probability": float(shares[index])} for index in indices]


def torch_fp32(model: Path) -> Callable[[bytes], NDArray[np.float32]]:
    """Return the network as torch's own examples run it: eager, torchvision's transforms, one request at a time."""
    import torch

    network, one_at_a_time = load_eager(model), threading.Lock()
    transforms = importlib.import_module("torchvision.transforms")  # after inference.model, which makes it importable
    steps = [transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor()]
    prepare = transforms.Compose([*steps, transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])

    def logits(photo: bytes) -> NDArray[np.float32]:
        with one_at_a_time, torch.inference_mode():
            image = prepare(Image.open(io.BytesIO(photo)).convert("RGB"))
            answer: NDArray[np.float32] = network(image.unsqueeze(0))[0].numpy()
            return answer

    return logits


def load_eager(model: Path) -> torch.nn.Module:
    """Return the artifact's network in torch, its weights laid out as torch lays them out."""
    import torch

    from inference.model import ModelSpec, build_model

    network: torch.nn.Module = build_model(ModelSpec.from_dict(json.loads((model / "model.json").read_text()))).to(
        memory_format=torch.contiguous_format  # type: ignore[call-overload]  # torch's stub has it for tensors only
    )
    network.load_state_dict(torch.load(model / "model.pt", weights_only=True))
    return network.eval()


def onnx_runtime(file: str) -> Callable[[Path], Callable[[bytes], NDArray[np.float32]]]:
    """Return a loader of `file` into ONNX Runtime as it comes: all cores for each call."""

    def load(model: Path) -> Callable[[bytes], NDArray[np.float32]]:
        import onnxruntime  # type: ignore[import-not-found, unused-ignore]  # in the peer's environment alone

        session = onnxruntime.InferenceSession(model / file, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name

        def logits(photo: bytes) -> NDArray[np.float32]:
            pixels = np.asarray(_centre(Image.open(io.BytesIO(photo)).convert("RGB")))[np.newaxis]
            answer: NDArray[np.float32] = session.run(None, {name: pixels})[0][0]
            return answer

        return logits

    return load


def _centre(image: Image.Image, side: int = 224, shorter: int = 256) -> Image.Image:
    """Return what Resize(256) and CenterCrop(224) give, without torchvision."""
    scale = shorter / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def openvino_int8(model: Path) -> Callable[[bytes], NDArray[np.float32]]:
    """Return the product's own decoding and predictor, to tell a server's share from an engine's."""
    from inference.inference import load_classifier, predict_fn

    loaded = load_classifier(model)

    def logits(photo: bytes) -> NDArray[np.float32]:
        answer: NDArray[np.float32] = predict_fn(photo, loaded).logits[0]
        return answer

    return logits


ENGINES: dict[str, Callable[[Path], Callable[[bytes], NDArray[np.float32]]]] = {
    "torch-fp32": torch_fp32,
    "onnxruntime-fp32": onnx_runtime("model.onnx"),
    "onnxruntime-int8": onnx_runtime("model.int8.onnx"),
    "openvino-int8": openvino_int8,
}
