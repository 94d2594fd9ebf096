"""Examine a dataset once, before anything is tuned or trained on it, where no features of it are kept.

In SageMaker's PyTorch container (script mode), with the same source archive as train.py:

    sagemaker_program           training/examine.py

The channels are train, validation, test, classes and, where there are any, labels and weights. Into the model folder go
findings.json, findings.csv and data.html, the manifests of the splits without what leaks, and summary.json, which is
written last. compute_features.py writes the same beside the features.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # As in train.py: training/ itself must not come first.
    sys.path[:] = [str(ROOT), *(path for path in sys.path if path != str(ROOT / "training"))]

from training import looking_jobs, train  # noqa: E402 - after the path is set
from training.config import TrainingConfig  # noqa: E402
from training.stopping import StopSignal  # noqa: E402

if TYPE_CHECKING:
    from training.data.splits import Datasets
    from training.distributed import World


def run(config: TrainingConfig, environ: Mapping[str, str], stop: StopSignal) -> None:
    """Write what is found, and the splits, to the model folder."""
    looking_jobs.run(config, environ, "examine", _write)


def _write(config: TrainingConfig, world: "World") -> "Datasets | None":
    from training import preparation  # when the decoders are there

    return preparation.write_examined(config, config.model_dir, train.say, world)


if __name__ == "__main__":
    sys.exit(train.main(sys.argv[1:], os.environ, run, Path(__file__).name))
