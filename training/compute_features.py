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

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # As in train.py: training/ itself must not come first.
    sys.path[:] = [str(ROOT), *(path for path in sys.path if path != str(ROOT / "training"))]

from training import train  # noqa: E402 - after the path is set
from training.config import TrainingConfig  # noqa: E402
from training.errors import ConfigError  # noqa: E402
from training.stopping import StopSignal  # noqa: E402


def run(config: TrainingConfig, environ: Mapping[str, str], stop: StopSignal) -> None:
    """Write the features to the model folder."""
    if not config.has_images:
        raise ConfigError("no images to compute features of; give --data DIR, or --train DIR and --validation DIR")
    if environ.get("LOCAL_RANK", "0") == "0":  # the others wait for this process before they import what decodes
        train.say_decoders(config)
        train.say_packages()  # in the first job already, so that it is known before the others are paid
    # Imported here, so that a wrong flag is answered at once and not after three seconds of loading torch.
    from training import distributed, sources

    with distributed.joined(environ) as world, train.said_by_one(world), sources.localised(config, train.say) as local:
        from training import preparation  # when the decoders are there

        datasets = preparation.write_features(local, local.model_dir, train.say, world)
        if datasets is not None:
            train.say_problems(datasets)


if __name__ == "__main__":
    sys.exit(train.main(sys.argv[1:], os.environ, run, Path(__file__).name))
