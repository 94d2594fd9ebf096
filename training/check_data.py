"""Examine a folder or archive of images on this machine, with the same eyes as ComputeFeatures, and change nothing.

    python training/check_data.py --data photos --model-dir report --model-name efficientnet_lite0 --weights packaged

Into the model folder go findings.json, findings.csv and data.html; `deploy.py data check` calls this.
"""

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
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
    """Write what is found; nothing is too much to be told, so the limits of a job do not hold."""
    if config.data is None:
        raise ConfigError("no images to examine; give --data DIR")
    # Imported here, so that a wrong flag is answered at once and not after three seconds of loading torch.
    from training import preparation, sources
    from training.export.data_page import write_data_page

    started = time.perf_counter()
    with sources.localised(replace(config, max_unreadable=1, max_duplicates=1), train.say) as local:
        datasets, examination = preparation.examined(local, train.say)
        write_data_page(examination, datasets, local, local.model_dir)
    seconds = time.perf_counter() - started
    train.say(f"examined {examination.num_pictures} pictures in {seconds:.1f} s")


if __name__ == "__main__":
    sys.exit(train.main(sys.argv[1:], os.environ, run, Path(__file__).name))
