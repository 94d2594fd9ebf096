"""What one execution may take at most: training jobs, instance-hours, and money where the price is known.

The limits are those the jobs are started with, so nothing is estimated: most executions take a fraction of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PRICES_REGION = "us-east-1"
PRICES_DATE = "2025"
# US dollars an hour of a SageMaker training instance on demand, from https://aws.amazon.com/sagemaker/pricing/
PRICES = {
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.230,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.c5.xlarge": 0.204,
    "ml.c5.2xlarge": 0.408,
    "ml.g4dn.xlarge": 0.736,
    "ml.g4dn.2xlarge": 0.940,
    "ml.g5.xlarge": 1.408,
    "ml.g5.2xlarge": 1.515,
    "ml.p3.2xlarge": 3.825,
}


# Of SQS, at 0.40 a million requests: five pollers that ask every 20 s; a send a file, a receive and a delete for ten.
# docs/operating.md has the sum; from https://aws.amazon.com/sqs/pricing/
POLLING_DOLLARS, DROP_DOLLARS = 0.26, 0.50  # a month; a million files
TOPIC_KEY_DOLLARS = 1  # a month, of a KMS key; from https://aws.amazon.com/kms/pricing/


@dataclass(frozen=True)
class Share:
    """One kind of job of an execution: how many there are, and for how long instances may run for them."""

    name: str
    num_jobs: int
    instance_type: str
    instance_hours: float

    def line(self, region: str) -> str:
        """Return it in words, with the most it costs."""
        jobs = "1 job" if self.num_jobs == 1 else f"{self.num_jobs} jobs"
        price = PRICES.get(self.instance_type) if region == PRICES_REGION else None
        where = "" if region == PRICES_REGION else f" in {region}"
        cost = (
            f"price unknown for {self.instance_type}{where}" if price is None else f"${price * self.instance_hours:.2f}"
        )
        return f"{self.name}: {jobs}, {self.instance_hours:g} instance-hours of {self.instance_type}: {cost}"


def shares(values: Mapping[str, str]) -> list[Share]:
    """Return the jobs of one execution under the template's parameters `values`.

    A tuning job's time limit holds for all of its training jobs together, so that many at a time bound its hours.
    """
    training_hours = int(values["TrainingMaxRuntimeSeconds"]) / 3600
    tuning_hours = int(values["TuningMaxRuntimeSeconds"]) / 3600
    num_tuning, num_parallel = int(values["MaxTuningJobs"]), int(values["MaxParallelTuningJobs"])
    training_type, num_instances = values["TrainingInstanceType"], int(values["TrainingInstanceCount"])
    parallel_hours = min(num_tuning, num_parallel) * tuning_hours
    return [
        Share("features" if values["Trainable"] == "head" else "examination", 1, training_type, training_hours),
        Share("tuning", num_tuning, values["TuningInstanceType"], parallel_hours),
        Share("training", 1, training_type, num_instances * training_hours),
    ]


def lines(values: Mapping[str, str], region: str) -> list[str]:
    """Return the budget of one execution, one line a kind of job."""
    note = f"prices of {PRICES_DATE}, {PRICES_REGION}, on demand"
    if values["UseSpot"] == "true":
        note += "; spot instances cost less"
    return [
        f"one execution takes at most ({note}):",
        *(f"  {share.line(region)}" for share in shares(values)),
        *standing(values),
    ]


def standing(values: Mapping[str, str]) -> list[str]:
    """Return what is paid by the month or by the file, whether or not anything runs; the endpoint has its type."""
    told = []
    if values.get("SettleSeconds", "0") != "0":
        told.append(
            f"folders that start by themselves: about ${POLLING_DOLLARS:.2f} a month, and ${DROP_DOLLARS:.2f} for a "
            "million files that come or go; SettleSeconds=0 leaves it out"
        )
    if values.get("TopicKey") == "own":
        told.append(f"the notification topic's key: about ${TOPIC_KEY_DOLLARS} a month; TopicKey=none leaves it out")
    return told
