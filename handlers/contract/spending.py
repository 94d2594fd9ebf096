"""What one execution may spend at most: instance-hours of its jobs, from the very limits that they are started with."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from handlers.contract.tuning import trials_share_a_job

_PRICE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)


@dataclass(frozen=True)
class Share:
    """One kind of job of an execution: how many there are, and for how long instances may run for them."""

    name: str
    num_jobs: int
    instance_type: str
    instance_hours: float


def shares(values: Mapping[str, object], *, of_archive: bool) -> list[Share]:
    """Return the jobs of one execution on a folder or an archive, under the template's parameters `values`.

    A tuning job's time limit holds for all of its training jobs together, so that many at a time bound its hours.
    """

    def number(name: str) -> int:
        return int(str(values[name]))

    training_hours, tuning_hours = (number(f"{kind}MaxRuntimeSeconds") / 3600 for kind in ("Training", "Tuning"))
    training_type, tuning_type = (str(values[f"{kind}InstanceType"]) for kind in ("Training", "Tuning"))
    num_tuning = 1 if tunes_in_one_job(values) else number("MaxTuningJobs")
    kept_hours = int(str(values.get("WarmPoolSeconds", 0))) / 3600 if tunes_in_one_job(values) else 0
    first = "features" if values["Trainable"] == "head" else "examination"
    num_parallel = min(num_tuning, number("MaxParallelTuningJobs"))
    unpacking = [Share("unpacking", 1, training_type, training_hours)] if of_archive else []
    return [
        *unpacking,
        Share(first, 1, training_type, int(str(values.get("FeaturesInstanceCount", 1))) * training_hours + kept_hours),
        Share("tuning", num_tuning, tuning_type, num_parallel * tuning_hours + kept_hours),
        Share("training", 1, training_type, number("TrainingInstanceCount") * training_hours),
    ]


def tunes_in_one_job(values: Mapping[str, object]) -> bool:
    """Tell whether all trials are trained in one job under these parameters."""
    return trials_share_a_job(str(values.get("TuningMode", "auto")), str(values.get("Trainable")))


def hourly(prices: Iterable[str]) -> dict[str, float]:
    """Return US dollars an hour by instance type, of pairs such as "ml.m5.xlarge=0.23"; what is no price is none."""
    pairs = (pair.partition("=") for pair in prices)
    return {kind: float(price) for kind, _, price in pairs if _PRICE.fullmatch(price)}
