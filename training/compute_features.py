"""Compute the features of a dataset once, for every tuning job and the final training of its head.

On a plain machine:

    python training/compute_features.py --data photos --model-dir features --model-name resnet50 --augment strong
    python training/train.py --data photos --features features --trainable head --augment strong --model-dir out

(`train.py --features` alone does both, if the folder is empty or does not exist.)

In SageMaker's PyTorch container (script mode), with the same source archive and hyperparameters as train.py:

    sagemaker_program           training/compute_features.py

The channels are train, validation, classes and, where weights=channel, weights. What it writes to the model folder is
described in feature_store.py; it is meant for a `features` channel of train.py. With OutputDataConfig's CompressionType
NONE its files lie under S3OutputPath/JOB/output/model/.
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
    """Write the features to the model folder."""
    looking_jobs.run(config, environ, "compute features of", _write)


def _write(config: TrainingConfig, world: "World") -> "Datasets | None":
    from training import preparation  # when the decoders are there

    return preparation.write_features(config, config.model_dir, train.say, world)


if __name__ == "__main__":
    sys.exit(train.main(sys.argv[1:], os.environ, run, Path(__file__).name))
