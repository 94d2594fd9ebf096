"""From pixels to logits: the engines an artifact can be served with, and which of them this machine takes.

    OpenVINO      on a CPU: the ONNX graph of the artifact, int8 or fp32 as the training job decided, without torch.
    torch, half   where there is a CUDA device: channels_last.
    torch, fp32   on a CPU when OpenVINO is not installed, or the training job could not export a graph.

Answers differ between them by rounding, and between int8 and the others by what docs/serving.md states.
"""

import functools
import logging
import os
import re
import sys
import time
from collections import deque
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from inference.decoding import Pixels
from inference.mapped import release_pages
from inference.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import nn

FP32_FILE, INT8_FILE = "model.onnx", "model.int8.onnx"
WEIGHTS_SUFFIX = ".weights"  # model.int8.weights lies beside model.int8.onnx, to be mapped and not copied into memory
_CONVERTER = "openvino.tools.ovc"
CPU_DESCRIPTION = Path("/proc/cpuinfo")
Logits = NDArray[np.float32]
logger = logging.getLogger(__name__)
# Any of these says that a CUDA driver is there; asking torch would cost a CPU endpoint two seconds and 200 MB.
_CUDA_DEVICES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg")


class Answer(NamedTuple):
    """Logits (1, num_classes) of one image, and how long it waited while the engine was busy with others."""

    logits: Logits
    waited_seconds: float


class Predictor(Protocol):
    """One loaded network; `predict` may be called by several threads at once."""

    engine: str  # openvino or torch
    precision: str  # int8, fp32 or fp16

    def predict(self, pixels: Pixels) -> Answer:
        """Return the answer for one image (H, W, 3)."""


class EngineMissingError(ImportError):
    """The engine's package is not installed here."""


def load_predictor(folder: Path, description: dict[str, Any], num_threads: int) -> Predictor:
    """Return the fastest engine that this machine has for the artifact in `folder`, described by its model.json."""
    serving = description.get("serving") or {"engine": "torch"}
    if not cuda_is_there() and serving["engine"] == "openvino":
        side = description["preprocessing"]["image_size"]
        file, precision = serving["file"], serving["precision"]
        if precision == "int8" and not multiplies_int8_exactly():
            logger.warning("served in fp32: this processor's int8 products saturate (it has no VNNI)")
            file, precision = FP32_FILE, "fp32"
        try:
            return OpenVinoPredictor(folder / file, precision, side, num_threads)
        except EngineMissingError as error:
            logger.warning("served with torch, several times slower: %s", error)
    return load_torch_predictor(folder, description, num_threads)


def cuda_is_there() -> bool:
    """Return whether torch finds a CUDA device; torch is asked only where there is a driver."""
    if not any(os.path.exists(device) for device in _CUDA_DEVICES):
        return False
    import torch

    return torch.cuda.is_available()


def multiplies_int8_exactly() -> bool:
    """Return whether int8 gives here what it gave in the training job: without VNNI, x86 adds pairs up in 16 bits.

    Source: OpenVINO's documentation on the saturation of int8 on AVX2 and AVX-512 without VNNI.
    """
    try:
        flags = re.search(r"^flags\s*:(.*)$", CPU_DESCRIPTION.read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:  # no Linux
        return True
    return flags is None or bool({"avx512_vnni", "avx_vnni"}.intersection(flags[1].split()))  # None: no x86


def import_openvino() -> Any:
    """Return the package openvino without its converter, which it offers where it can and no endpoint needs.

    The converter takes two thirds of the import's time and 15 MB.

    Raises:
        EngineMissingError: it is not installed.
    """
    is_first = "openvino" not in sys.modules and _CONVERTER not in sys.modules
    try:
        if is_first:
            sys.modules[_CONVERTER] = None  # type: ignore[assignment]  # importing it raises ImportError
        import openvino
    except ImportError as error:
        raise EngineMissingError(f"openvino: {error}; pip install -r requirements.txt of the artifact") from error
    finally:
        if is_first:
            del sys.modules[_CONVERTER]
    return openvino


def openvino_core() -> Any:
    """Return the one core of OpenVINO that this process has.

    A core of its own for each network would end with it. It gives its thread another stack for signals and, at its end,
    the one from before, which may be that of a core that has ended: the next signal would be written to memory that is
    no more, or somebody else's.

    Raises:
        EngineMissingError: OpenVINO is not installed.
    """
    return _core(import_openvino())


@functools.cache
def _core(openvino: Any) -> Any:
    return openvino.Core()


class OpenVinoPredictor:
    """An ONNX graph on the CPU.

    A request that comes alone gets all threads. Requests that overlap share them, one a stream, which answers a fifth
    more of them a second; the network for that is compiled when two first overlap, beside the requests.
    """

    engine = "openvino"

    def __init__(self, graph: Path, precision: str, image_size: int, num_threads: int) -> None:
        self.precision = precision
        self._weights = graph.with_suffix(WEIGHTS_SUFFIX)
        self._core = openvino_core()
        self._model: Any = self._core.read_model(graph)
        _store_biases(self._model)
        self._model.reshape([1, image_size, image_size, 3])
        self._num_threads = num_threads
        self._lock = Lock()
        self._num_running = 0
        self._alone = _Requests(self._compile(num_streams=1), num_streams=1)
        self._together: _Requests | None = None
        self._is_compiling = num_threads == 1  # one thread: streams would be the same

    def predict(self, pixels: Pixels) -> Answer:
        """Return the answer for one image (H, W, 3)."""
        with self._lock:
            self._num_running += 1
            overlaps = self._num_running > 1
            requests = self._together if overlaps and self._together is not None else self._alone
            if overlaps and not self._is_compiling:
                self._is_compiling = True
                Thread(target=self._compile_streams, name="compile streams", daemon=True).start()
        try:
            return requests.infer(pixels[np.newaxis])
        finally:
            with self._lock:
                self._num_running -= 1

    def _compile_streams(self) -> None:
        together = _Requests(self._compile(num_streams=self._num_threads), num_streams=self._num_threads)
        with self._lock:
            self._together = together
            self._model = None  # nothing is compiled any more

    def _compile(self, num_streams: int) -> Any:
        compiled = self._core.compile_model(
            self._model,
            "CPU",
            {
                "NUM_STREAMS": num_streams,
                "INFERENCE_NUM_THREADS": self._num_threads,
                # Without it layers that are not int8 would run in bfloat16 on some processors and not on others.
                "INFERENCE_PRECISION_HINT": "f32",
            },
        )
        release_pages(self._weights)  # what is compiled has weights of its own, laid out for this processor
        return compiled


def _store_biases(model: Any) -> None:
    """Store the bias of each convolution in the shape in which it is added.

    OpenVINO's reader of ONNX leaves that shape to be worked out, by five nodes a bias: a fifth of them all, and as much
    of the time that compiling takes.
    """
    from openvino import op

    for add in (node for node in model.get_ops() if node.get_type_name() == "Add"):
        network, reshape = (source.get_node() for source in add.input_values())
        if (network.get_type_name(), reshape.get_type_name()) == ("Convolution", "Reshape"):
            bias = reshape.input_value(0).get_node()
            if bias.get_type_name() == "Constant":
                add.input(1).replace_source_output(op.Constant(bias.data.reshape(1, -1, 1, 1)).output(0))


class _Requests:
    """The inference requests of one compiled network, each used by one thread at a time.

    More of them may be under way than there are streams: the engine then has the next one at hand when a stream becomes
    free, with no thread to be woken in between, and takes them in their order. What each waits is reckoned here.
    """

    def __init__(self, network: Any, num_streams: int) -> None:
        self._network = network
        self._idle: list[Any] = [network.create_infer_request()]
        self._lock = Lock()
        self._num_free = num_streams
        self._waiting: deque[_Turn] = deque()

    def infer(self, batch: Pixels) -> Answer:
        try:
            request = self._idle.pop()
        except IndexError:  # as many requests as threads have ever overlapped
            request = self._network.create_infer_request()
        turn = self._come()
        try:
            request.infer([batch], share_inputs=True)
            logits = np.array(request.get_output_tensor().data, dtype=np.float32)
        finally:
            self._leave(turn)
            self._idle.append(request)
        return Answer(logits, turn.started_at - turn.came_at)

    def _come(self) -> "_Turn":
        turn = _Turn(time.perf_counter())
        with self._lock:
            if self._num_free:
                self._num_free -= 1
            else:
                self._waiting.append(turn)
        return turn

    def _leave(self, turn: "_Turn") -> None:
        """Let the stream of `turn` go to whoever waits longest."""
        with self._lock:
            if turn in self._waiting:  # it ended without having had one
                self._waiting.remove(turn)
            elif self._waiting:
                self._waiting.popleft().started_at = time.perf_counter()
            else:
                self._num_free += 1


class _Turn:
    """When a request came to the engine, and when a stream was free for it."""

    def __init__(self, came_at: float) -> None:
        self.came_at = self.started_at = came_at


class TorchPredictor:
    """A torch network: half precision and channels_last on CUDA, fp32 on a CPU."""

    engine = "torch"

    def __init__(self, network: "nn.Module", preprocessing: Preprocessing) -> None:
        import torch

        self._preprocessing = preprocessing
        self._lock = Lock()  # one image keeps the device busy; on a CPU two at once would fight for the threads
        on_cuda = torch.cuda.is_available()
        self.precision = "fp16" if on_cuda else "fp32"
        self._dtype = torch.float16 if on_cuda else torch.float32
        self._device = torch.device("cuda" if on_cuda else "cpu")
        self._network = network.to(self._device, self._dtype, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]

    def predict(self, pixels: Pixels) -> Answer:
        """Return the answer for one image (H, W, 3)."""
        import torch

        from inference.model import normalise

        images = torch.tensor(pixels, device=self._device).permute(2, 0, 1).unsqueeze(0)
        came_at = time.perf_counter()
        with self._lock, torch.inference_mode():
            started_at = time.perf_counter()
            batch = normalise(images, self._preprocessing).to(self._dtype).contiguous(memory_format=torch.channels_last)
            logits: Logits = self._network(batch).float().cpu().numpy()
        return Answer(logits, started_at - came_at)


def load_torch_predictor(folder: Path, description: dict[str, Any], num_threads: int) -> TorchPredictor:
    """Return the artifact's weights in torch."""
    import torch

    from inference.model import ModelSpec, build_model

    torch.set_num_threads(num_threads)
    network = build_model(ModelSpec.from_dict(description))
    weights = torch.load(folder / description["weights_file"], map_location="cpu", weights_only=True)
    network.load_state_dict(weights)
    return TorchPredictor(network, Preprocessing.from_dict(description["preprocessing"]))


def warm_up(predictor: Predictor, image_size: int) -> None:
    """Answer one black image, so that the first request is as fast as the next."""
    predictor.predict(np.zeros((image_size, image_size, 3), np.uint8))
