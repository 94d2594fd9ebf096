"""The engines that could answer, without a server: one photograph at a time, several at a time, with decoding.

    python bench/serving_engines.py ARTIFACT PHOTOS [--engine openvino-int8]

ARTIFACT is a folder as training/export/artifact.py writes it. One JSON object on stdout, of milliseconds (`_ms`,
medians) and photographs a second. bench_serving.py runs it between its loads.
"""

import argparse
import functools
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [str(ROOT), *sys.path[1:]]

from inference.decoding import decode_pixels  # noqa: E402
from inference.predictors import FP32_FILE, INT8_FILE, OpenVinoPredictor, openvino_core  # noqa: E402
from inference.preprocessing import Preprocessing  # noqa: E402

CORES = os.cpu_count() or 1
FILES = {"int8": INT8_FILE, "fp32": FP32_FILE}
Ask = Callable[[], Any]


class Photos:
    """Photographs as files and as pixels, and how they are prepared."""

    def __init__(self, artifact: Path, folder: Path) -> None:
        description = json.loads((artifact / "model.json").read_text())
        self.preprocessing = Preprocessing.from_dict(description["preprocessing"])
        self.files = [path.read_bytes() for path in sorted(folder.iterdir())]
        self.pixels = [decode_pixels(file, self.preprocessing) for file in self.files]

    def decodings(self) -> list[Ask]:
        """Return a call for each file that decodes it."""
        return [functools.partial(decode_pixels, file, self.preprocessing) for file in self.files]

    def asked(self, infer: Callable[[Any], Any]) -> list[Ask]:
        """Return a call for each photograph that classifies its pixels."""
        return [functools.partial(infer, pixels) for pixels in self.pixels]

    def decoded_and_asked(self, infer: Callable[[Any], Any]) -> list[Ask]:
        """Return a call for each file that decodes and classifies it."""
        return [functools.partial(self._both, infer, file) for file in self.files]

    def _both(self, infer: Callable[[Any], Any], file: bytes) -> Any:
        return infer(decode_pixels(file, self.preprocessing))


def median_ms(calls: Sequence[Ask], seconds: float) -> float:
    """Return how long a call takes, one after the other."""
    calls[0]()
    took: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        started = time.perf_counter()
        calls[len(took) % len(calls)]()
        took.append(1000 * (time.perf_counter() - started))
    return statistics.median(took)


def per_second(calls: Sequence[Ask], seconds: float, callers: int) -> float:
    """Return how many calls end in a second, with so many callers."""
    counts, began = [0] * callers, time.perf_counter()

    def work(number: int) -> None:
        while time.perf_counter() - began < seconds:
            calls[(counts[number] * callers + number) % len(calls)]()
            counts[number] += 1

    crowd = [threading.Thread(target=work, args=(number,)) for number in range(callers)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    return sum(counts) / (time.perf_counter() - began)


def openvino(artifact: Path, photos: Photos, precision: str, seconds: float) -> dict[str, float]:
    """Measure the product's own predictor."""
    side = photos.preprocessing.image_size
    predictor = OpenVinoPredictor(artifact / FILES[precision], precision, side, CORES)
    alone = photos.asked(predictor.predict)
    figures = {"alone_ms": median_ms(alone, seconds)}
    if precision == "int8":
        figures["decode_ms"] = median_ms(photos.decodings(), seconds)
        figures["both_ms"] = median_ms(photos.decoded_and_asked(predictor.predict), seconds)
        figures["batches_of_4"] = _batches(artifact, photos, seconds)
    while predictor._together is None and CORES > 1:
        per_second(alone, 0.1, 2 * CORES)  # overlapping requests have the streams compiled
    figures["together"] = max(per_second(alone, seconds, callers) for callers in (CORES, 2 * CORES))
    if precision == "int8":
        figures["together_decoding"] = per_second(photos.decoded_and_asked(predictor.predict), seconds, 2 * CORES)
    return figures


def _batches(artifact: Path, photos: Photos, seconds: float) -> float:
    """Return photographs a second in batches of four, with all threads."""
    core = openvino_core()
    network = core.read_model(artifact / INT8_FILE)
    network.reshape([4, *photos.pixels[0].shape])
    options = {"NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": CORES, "INFERENCE_PRECISION_HINT": "f32"}
    request, four = core.compile_model(network, "CPU", options).create_infer_request(), np.stack(photos.pixels[:4])
    return 4 * per_second([lambda: request.infer([four], share_inputs=True)], seconds, 1)


def onnx_runtime(artifact: Path, photos: Photos, precision: str, seconds: float) -> dict[str, float]:
    """Measure ONNX Runtime with the same graph: all threads for one call, then a thread each for several."""
    import onnxruntime  # type: ignore[import-not-found]  # installed beside, for this measurement alone

    def session(threads: int) -> Callable[[Any], Any]:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        made = onnxruntime.InferenceSession(artifact / FILES[precision], options, ["CPUExecutionProvider"])
        name = made.get_inputs()[0].name
        return lambda pixels: made.run(None, {name: pixels[np.newaxis]})

    alone = median_ms(photos.asked(session(CORES)), seconds)
    return {"alone_ms": alone, "together": per_second(photos.asked(session(1)), seconds, CORES)}


ENGINES = {
    "openvino-int8": functools.partial(openvino, precision="int8"),
    "openvino-fp32": functools.partial(openvino, precision="fp32"),
    "onnxruntime-int8": functools.partial(onnx_runtime, precision="int8"),
    "onnxruntime-fp32": functools.partial(onnx_runtime, precision="fp32"),
}


def main() -> None:
    """Print what was measured of each engine that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--engine", action="append", choices=list(ENGINES), help="all of them by default")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    asked = parser.parse_args()
    photos = Photos(asked.artifact, asked.photos)
    figures = {name: ENGINES[name](asked.artifact, photos, seconds=asked.seconds) for name in asked.engine or ENGINES}
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
