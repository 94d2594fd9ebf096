"""Jobs that look at every picture before anything is trained: what ComputeFeatures runs, whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from training import train
from training.config import TrainingConfig
from training.errors import ConfigError

if TYPE_CHECKING:
    from training.data.splits import Datasets
    from training.distributed import World

# Writes to the model folder what it is for; returns what was read, in the first process.
Write = Callable[[TrainingConfig, "World"], "Datasets | None"]


def run(config: TrainingConfig, environ: Mapping[str, str], what: str, write: Write) -> None:
    """Let `write` look at the pictures of `config`, in each process of a job; `what` it does with them, for an error.

    Raises:
        ConfigError: there are none.
    """
    if not config.has_images:
        raise ConfigError(f"no images to {what}; give --data DIR, or --train DIR and --validation DIR")
    if environ.get("LOCAL_RANK", "0") == "0":  # the others wait for this process before they import what decodes
        train.say_decoders(config)
        train.say_packages()  # in the first job already, so that it is known before the others are paid
    # Imported here, so that a wrong flag is answered at once and not after three seconds of loading torch.
    from training import distributed, sources

    with distributed.joined(environ) as world, train.said_by_one(world), sources.localised(config, train.say) as local:
        datasets = write(local, world)
        if datasets is not None:
            train.say_problems(datasets)
