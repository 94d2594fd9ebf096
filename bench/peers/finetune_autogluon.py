"""AutoGluon's MultiModalPredictor on photographs: python finetune_autogluon.py DATA TENSORS SCRATCH SECONDS.

As its tutorial on image classification: a table of paths and labels, its own hyperparameters, a time limit. Only the
start is given, since it cannot be downloaded here. One JSON line on stdout.
Source: https://auto.gluon.ai/stable/tutorials/multimodal/image_prediction/beginner_image_cls.html
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas  # type: ignore[import-untyped, unused-ignore]
from autogluon.multimodal import MultiModalPredictor  # type: ignore[import-not-found, unused-ignore]

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))

from bench.peers.start_weights import write_start  # noqa: E402


def table(folder: Path) -> Any:
    """Return the paths and labels of an image folder."""
    rows = [{"image": str(path), "label": path.parent.name} for path in sorted(folder.glob("*/*"))]
    return pandas.DataFrame(rows)


def main(data: Path, tensors: Path, scratch: Path, seconds: float) -> None:
    """Train, and print the accuracy on test/."""
    start = write_start(tensors, scratch / "start")
    predictor = MultiModalPredictor(label="label", path=str(scratch / "predictor"), verbosity=1)
    settings = {
        "model.names": ["timm_image"],
        "model.timm_image.checkpoint_name": str(start),
        "env.num_gpus": 0,
        "env.num_workers": 0,
        "env.num_workers_inference": 0,
    }
    predictor.fit(table(data / "train"), hyperparameters=settings, time_limit=seconds, seed=0)
    print(json.dumps({"accuracy": predictor.evaluate(table(data / "test"), metrics=["accuracy"])["accuracy"]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
