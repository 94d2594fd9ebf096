"""What the golden pictures of an artifact cost an instance that starts: from the process to its first answer.

    python bench/bench_golden.py [--rounds 15] [--model-name resnet50] [--image-size 224]

The same artifact with and without them, in turns, each in a process of its own with one thread.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from inference.golden import GOLDEN_FILE
from inference.model import ModelSpec, build_model
from inference.preprocessing import Preprocessing
from training.config import parse_config
from training.export.artifact import save_model
from training.export.golden import write_golden
from training.listing import Sample
from training.model.trained import TrainedModel

_START = (
    "import sys, inference; model = inference.model_fn(sys.argv[1]);"
    "inference.predict_fn(open(sys.argv[2], 'rb').read(), model)"
)


@click.command()
@click.option("--rounds", default=15, show_default=True)
@click.option("--model-name", default="resnet50", show_default=True)
@click.option("--image-size", default=224, show_default=True)
def main(rounds: int, model_name: str, image_size: int) -> None:
    """Print the medians of both and of their ratio, round by round."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        pictures = [_photograph(folder / f"{number}.jpg", number) for number in range(4)]
        _write_artifact(folder / "with", model_name, image_size, pictures)
        shutil.copytree(folder / "with", folder / "without")
        (folder / "without" / GOLDEN_FILE).unlink()
        times = [[_first_answer(folder / kind, pictures[0]) for kind in ("without", "with")] for _ in range(rounds)]
    without, with_them = (statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(after / before for before, after in times)
    click.echo(f"first answer after {without:.2f} s without, {with_them:.2f} s with golden pictures; ratio {ratio:.3f}")


def _photograph(path: Path, seed: int) -> Sample:
    """Write a picture of 640 x 480 with something of a photograph's frequencies."""
    coarse = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC).save(path, quality=90)
    return Sample(path, f"test/{path.name}", "a")


def _write_artifact(folder: Path, model_name: str, image_size: int, pictures: list[Sample]) -> None:
    flags = ["--data", str(folder.parent), "--model-dir", str(folder), "--training-job-name", "bench"]
    config = parse_config([*flags, "--model-name", model_name, "--image-size", str(image_size)], {})
    spec = ModelSpec(model_name, 10)
    network = build_model(spec).eval()
    trained = TrainedModel(network, spec, Preprocessing.for_model(model_name, image_size), list("abcdefghij"))
    torch.set_num_threads(1)
    write_golden(trained, save_model(trained, config), pictures, folder)


def _first_answer(artifact: Path, picture: Sample) -> float:
    environ = os.environ | {"PYTHONPATH": str(artifact / "code"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _START, str(artifact), str(picture.path)]
    started = time.perf_counter()
    subprocess.run(command, env=environ, cwd=artifact, check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
