"""Search for the hyperparameters of a head: all trials in one job, on features that were computed once.

On a plain machine:

    python training/compute_features.py --data photos --model-dir features --augment strong
    python training/tune.py --features features --trainable head --augment strong --epochs 5 --model-dir out \\
        --max-trials 20 --search-space '{"ContinuousParameterRanges": [{"Name": "lr", "MinValue": "0.0003",
        "MaxValue": "0.03", "ScalingType": "Logarithmic"}]}'

In SageMaker's PyTorch container (script mode), with the same source archive and hyperparameters as train.py:

    sagemaker_program           training/tune.py

The channels are features and classes. It writes trials.json to the model folder: every trial with its values, its best
validation accuracy and how it ended. The best values are those that train.py is to be given.
"""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # As in train.py: training/ itself must not come first.
    sys.path[:] = [str(ROOT), *(path for path in sys.path if path != str(ROOT / "training"))]

from training import packages, train  # noqa: E402 - after the path is set
from training.config import TrainingConfig  # noqa: E402
from training.errors import ConfigError  # noqa: E402
from training.stopping import StopSignal  # noqa: E402
from training.tuning.settings import divided, parse_tuning  # noqa: E402
from training.tuning.space import read_space  # noqa: E402


def run(own: Sequence[str], config: TrainingConfig, environ: Mapping[str, str], stop: StopSignal) -> None:
    """Write trials.json to the model folder; `own` are the flags of the search."""
    settings = parse_tuning(own, environ)
    space = read_space(settings.search_space)
    if config.features is None or not config.is_head_alone:
        raise ConfigError("tuning in one job trains heads alone; give --features DIR, --save-model false and no images")
    if int(environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError("several processes would each run the same trials; start one, on one instance")
    if sentence := packages.install_search():
        train.say(sentence)
    started = time.perf_counter()
    # Imported here, so that a wrong flag is answered at once and not after three seconds of loading torch.
    from training.distributed import World
    from training.preparation import prepare
    from training.tuning.group import TuningData
    from training.tuning.search import combinations, make_search
    from training.tuning.trials import outcome_line, run_trials

    ready = prepare(config, World(), train.say)
    data = TuningData.of(ready)
    is_grid = settings.tuning_strategy == "Grid"
    num_trials = min(settings.max_trials, len(combinations(space))) if is_grid else settings.max_trials
    train.say(
        f"{num_trials} trials on the features of {len(ready.datasets.train)} images of {data.num_classes} classes, "
        f"ready after {time.perf_counter() - started:.2f} s"
    )
    search = make_search(space, settings, config.epochs, config.seed)
    train.say(outcome_line(run_trials(ready.config, settings, search, num_trials, data, train.say)))
    train.say(f"finished after {time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    OWN, OTHERS = divided(sys.argv[1:])
    sys.exit(train.main(OTHERS, os.environ, partial(run, OWN), Path(__file__).name))
