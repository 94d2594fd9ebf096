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

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # As in train.py: training/ itself must not come first.
    sys.path[:] = [str(ROOT), *(path for path in sys.path if path != str(ROOT / "training"))]

from training import train  # noqa: E402 - after the path is set
from training.config import TrainingConfig  # noqa: E402
from training.errors import ConfigError  # noqa: E402
from training.stopping import StopSignal  # noqa: E402


def run(config: TrainingConfig, environ: Mapping[str, str], stop: StopSignal) -> None:
    """Write what is found, and the splits, to the model folder."""
    if not config.has_images:
        raise ConfigError("no images to examine; give --data DIR, or --train DIR and --validation DIR")
    if environ.get("LOCAL_RANK", "0") == "0":  # the others wait for this process before they import what decodes
        train.say_decoders(config)
        train.say_packages()  # in the first job already, so that it is known before the others are paid
    # Imported here, so that a wrong flag is answered at once and not after three seconds of loading torch.
    from training import distributed, sources

    with distributed.joined(environ) as world, train.said_by_one(world), sources.localised(config, train.say) as local:
        from training import preparation  # when the decoders are there

        datasets = preparation.write_examined(local, local.model_dir, train.say, world)
        if datasets is not None:
            train.say_problems(datasets)


if __name__ == "__main__":
    sys.exit(train.main(sys.argv[1:], os.environ, run, Path(__file__).name))
