"""What ComputeFeatures, and training on what it wrote, take with many pictures: peak memory and processor time.

python bench/bench_parts.py [--counts 10000,100000] [--work compute,records,train] [--folder /tmp/bench-parts]

The pictures are made: different, in 100 classes, too small to be looked for as crops of each other. The backbone is a
random projection to ResNet50's 2,048 numbers: memory, disk and comparisons are measured here, and not its speed
(bench_features.py does that). Each number of pictures is a process of its own. `anonymous` is memory that the machine
cannot have back, as mapped files can be; `train` runs under RLIMIT_DATA, a quarter of the features above what it has
begun with.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
NUM_CLASSES, NUM_FEATURES, SIDE, BLOCKS = 100, 2048, 32, 7
FLAGS = ["--model-name=resnet50", "--weights=none", "--trainable=head", "--augment=basic", "--image-size=32"]
FLAGS += ["--feature-views=1"]


class Projection:
    """A backbone that costs nothing: fixed random features of a picture's coarse colours."""

    name, precision = "projection", "fp32"

    def __init__(self) -> None:
        import torch

        self.weights = torch.randn(3 * 8 * 8, NUM_FEATURES, generator=torch.Generator().manual_seed(0))

    def features(self, images: Any) -> Any:
        """Return float32 features of uint8 images."""
        from torch.nn import functional

        return functional.adaptive_avg_pool2d(images.float() / 255 - 0.5, 8).flatten(1) @ self.weights


def make_pictures(job: tuple[Path, int, int]) -> None:
    """Write pictures `first` to `last`: coarse blocks of chance about colours of the class."""
    import numpy as np
    from PIL import Image

    folder, first, last = job
    for number in range(first, last):
        kind = number % NUM_CLASSES
        rng = np.random.default_rng(number)
        middle = np.random.default_rng(10_000_000 + kind).integers(60, 196, (BLOCKS, BLOCKS, 3))
        blocks = np.clip(middle + rng.normal(0, 40, middle.shape), 0, 255).astype(np.uint8)
        path = folder / f"class_{kind:03d}" / f"{number:07d}.jpg"
        Image.fromarray(blocks).resize((48, 48), Image.Resampling.BICUBIC).save(path, quality=85)


def make_folder(folder: Path, count: int) -> Path:
    """Return an image folder of `count` pictures, made if it is not there."""
    photos = folder / f"photos-{count}"
    partial = folder / f"partial-{count}"
    if not photos.exists():
        for kind in range(NUM_CLASSES):
            (partial / f"class_{kind:03d}").mkdir(parents=True, exist_ok=True)
        jobs = [(partial, first, min(first + 1000, count)) for first in range(0, count, 1000)]
        with ProcessPoolExecutor() as pool:
            list(pool.map(make_pictures, jobs))
        partial.rename(photos)
    return photos


def compute(photos: Path, features: Path) -> None:
    """Do what ComputeFeatures' job does."""
    from training import preparation
    from training.config import parse_config
    from training.features import computing

    setattr(computing, "make_extractor", lambda *_: Projection())  # noqa: B010 - a name of another module, to mypy
    config = parse_config([*FLAGS, "--data", str(photos), "--model-dir", str(features)], {})
    preparation.write_features(config, features, say)


def records(photos: Path, features: Path) -> None:
    """Note what finished parts say of their pictures, as a job that takes all of them over does."""
    import numpy as np

    from inference.preprocessing import Preprocessing
    from training.config import parse_config
    from training.features.parts import PartFolder, encode
    from training.features.served import PART_FILES, ServedFeatures
    from training.features.workshop import Workshop
    from training.listing import Sample

    workshop = Workshop(
        parse_config([*FLAGS, "--data", str(photos)], {}), Projection(), Preprocessing.for_image_size(SIDE)
    )
    parts = PartFolder(features / "parts")
    served = ServedFeatures(workshop, parts, say)
    rng = np.random.default_rng(0)
    for first in range(0, int(photos.name.rpartition("-")[2]), PART_FILES):
        numbers = range(first, first + PART_FILES)
        samples = [Sample(photos / f"a/{n:07d}.jpg", f"a/{n:07d}.jpg", "a") for n in numbers]
        rows = [[f"{n:064x}", "", 640, 480, f"{n:x}", n / 3, n / 5, n / 7] for n in numbers]
        arrays = {
            "thumbnails": rng.integers(0, 255, (PART_FILES, 64, 64), np.uint8),
            "features": rng.standard_normal((PART_FILES, NUM_FEATURES), np.float32),
        }
        identity = {"first": first}
        served._add(parts.save(identity, encode(identity, {"files": rows}, arrays)), samples)
    parts.remove()


def write_store(count: int, features: Path) -> None:
    """Write features of `count` pictures by chance, about means of their classes."""
    import torch

    from training.features.store import FeatureWriter

    middles = torch.randn(NUM_CLASSES, 1, NUM_FEATURES, generator=torch.Generator().manual_seed(0))
    writer = FeatureWriter(features)
    for split, number in (("train", count), ("validation", count // 10)):
        labels = [index % NUM_CLASSES for index in range(number)]
        blocks = (
            middles[labels[start : start + 512]] + torch.randn(len(labels[start : start + 512]), 1, NUM_FEATURES)
            for start in range(0, number, 512)
        )
        writer.write_split(split, [(f"{n}.jpg", label, "00") for n, label in enumerate(labels)], blocks)
    writer.finish({"class_names": [str(each) for each in range(NUM_CLASSES)]})


def train(photos: Path, features: Path) -> None:
    """Train a head for two epochs on features by chance, in less memory than they take."""
    from torch import nn

    from training.config import parse_config
    from training.features.inputs import FeatureInputs
    from training.features.store import open_store
    from training.optimisation import engine

    write_store(int(photos.name.rpartition("-")[2]), features)
    total = sum(path.stat().st_size for path in features.glob("*.npy"))
    limit = memory("VmData") * 2**20 + total // 4
    resource.setrlimit(resource.RLIMIT_DATA, (int(limit), resource.RLIM_INFINITY))
    say(f"{total / 1e6:.0f} MB of features, at most {total / 4e6:.0f} MB of memory for them")
    config = parse_config([*FLAGS, "--data", str(photos), "--epochs", "2", "--batch-size", "256"], {})
    opened = open_store(features)
    scale = opened.train.scale()
    inputs = [FeatureInputs(split, config, None, scale) for split in (opened.train, opened.validation)]
    fitted = engine.fit(nn.Linear(NUM_FEATURES, NUM_CLASSES), inputs[0], inputs[1], config, [])
    say(f"top-1 {fitted.best_validation.top1:.3f}")


def memory(name: str) -> float:
    """Return a line of /proc/self/status, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) / 1024


def measure(work: Callable[[Path, Path], None], photos: Path, features: Path) -> dict[str, float]:
    """Return what `work` took in this process."""
    import training.preparation  # noqa: F401 - what every job loads is no part of what it takes

    before, peak, done = memory("RssAnon"), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], memory("RssAnon"))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu, began = usage.ru_utime + usage.ru_stime, time.monotonic()
    work(photos, features)
    done.set()
    watcher.join()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "before_mb": before,
        "anonymous_mb": peak[0],
        "cpu_seconds": usage.ru_utime + usage.ru_stime - cpu,
        "seconds": time.monotonic() - began,
    }


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="10000,100000")
    parser.add_argument("--work", default="compute,records,train")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "bench-parts")
    parser.add_argument("--here", action="store_true", help="measure in this process")
    given = parser.parse_args()
    for count in map(int, given.counts.split(",")):
        for work in given.work.split(","):
            features = given.folder / f"{work}-{count}"
            photos = make_folder(given.folder, count) if work == "compute" else given.folder / f"photos-{count}"
            if given.here:
                print(
                    json.dumps(
                        measure({"compute": compute, "records": records, "train": train}[work], photos, features)
                    ),
                    flush=True,
                )
                continue
            command = [sys.executable, __file__, "--here", "--counts", str(count), "--work", work]
            result = subprocess.run([*command, "--folder", str(given.folder)], stdout=subprocess.PIPE, check=True)
            took = json.loads(result.stdout)
            print(
                f"| {count:,} | {work} | {took['anonymous_mb']:.0f} MB, of it {took['before_mb']:.0f} before "
                f"| {took['cpu_seconds']:.0f} s |",
                flush=True,
            )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    main()
