"""What an execution may cost is the limits' product, a month is said, and an unknown price is said to be unknown."""

import re

import pytest

from ops.prices.book import Prices
from ops.session import REPOSITORY
from ops.stack import budget, parameters

_VALUES = {
    "Trainable": "full",
    "TrainingInstanceType": "ml.g5.xlarge",
    "TuningInstanceType": "ml.m5.xlarge",
    "TrainingInstanceCount": "2",
    "TrainingMaxRuntimeSeconds": "7200",
    "TuningMaxRuntimeSeconds": "3600",
    "MaxTuningJobs": "20",
    "MaxParallelTuningJobs": "4",
    "UseSpot": "false",
    "EndpointInstanceType": "ml.m5.large",
    "ScalingMinInstances": "1",
    "ScalingMaxInstances": "4",
    "PredictProvisionedConcurrency": "2",
}
_PRICES = Prices("us-east-1", {})


def test_limits_multiply_to_a_price() -> None:
    """Four tuning instances for an hour, two training instances for two."""
    assert budget.run_lines(_VALUES, _PRICES) == [
        "one run: what to expect is known after the first; at most $12",
        "  unpacking: 1 job, 2 instance-hours of ml.g5.xlarge: $2.82",
        "  examination: 1 job, 2 instance-hours of ml.g5.xlarge: $2.82",
        "  tuning: 20 jobs, 4 instance-hours of ml.m5.xlarge: $0.92",
        "  training: 1 job, 4 instance-hours of ml.g5.xlarge: $5.63",
    ]


def test_a_shadow_is_paid_beside_what_serves() -> None:
    """Half of the most instances for an hour, which no limit of a job holds; none is asked for by default."""
    asked = {"ShadowPercent": "50", "ShadowSeconds": "3600"}

    told = budget.run_lines(_VALUES | asked, _PRICES)[-1]

    assert told == (
        "  shadow: at most 2 of ml.m5.large beside the endpoint for 3,600 s: $0.23; their start and end come to it"
    )
    for none in ({"ShadowSeconds": "0"}, {"EndpointKind": "serverless"}):
        assert budget.run_lines(_VALUES | asked | none, _PRICES) == budget.run_lines(_VALUES, _PRICES)


def test_earlier_runs_say_what_to_expect() -> None:
    """The median, which one odd run does not move."""
    told = budget.run_lines(_VALUES, _PRICES, [0.4, 0.5, 7.0])[0]

    assert told == "one run: about $0.50, as the last 3 runs; at most $12"


def test_a_month_is_said() -> None:
    """730 hours of the fewest and the most instances, and of two environments that are kept ready."""
    assert budget.month_lines(_VALUES, _PRICES) == [
        "a month:",
        "  endpoint: $84 with 1 of ml.m5.large; $336 with 4, the most",
        "  provisioned concurrency: $22 for 2 environments of 1 GB",
        "  predictions: $1.87 a million, at 0.1 s each",
        "  storage: $0.02 a GB of pictures, models and old versions",
        "  logs: $0.50 a GB taken in, $0.03 a GB and month kept",
    ]


@pytest.mark.parametrize(
    ("changes", "region", "expected"),
    [
        ({"TuningInstanceType": "ml.m7i.large"}, "us-east-1", "price unknown for ml.m7i.large in us-east-1"),
        ({"TuningInstanceType": "ml.m7i.large"}, "us-east-1", "at most unknown"),
        ({"EndpointInstanceType": "ml.m7i.large"}, "us-east-1", "endpoint: price unknown for ml.m7i.large"),
        ({}, "eu-west-1", "instances at 1.115 times that, as EC2's in eu-west-1"),
        ({}, "mx-central-1", "those of mx-central-1 are not known and may be higher"),
        ({"Trainable": "head"}, "us-east-1", "features: 1 job, 2 instance-hours of ml.g5.xlarge: $2.82"),
        ({"FeaturesInstanceCount": "3"}, "us-east-1", "1 job, 6 instance-hours of ml.g5.xlarge: $8.45"),
        ({"UseSpot": "true"}, "us-east-1", "spot instances, which are asked for, cost less"),
        ({}, "us-east-1", "not in it: data transfer"),
    ],
)
def test_what_is_not_known_is_said(changes: dict[str, str], region: str, expected: str) -> None:
    """No figure is made up, and nothing that is paid for is left out without a word."""
    assert expected in "\n".join(budget.lines(_VALUES | changes, Prices(region, {})))


@pytest.mark.parametrize(("key", "shown"), [("own", True), ("none", False), ("arn:aws:kms:us-east-1:1:key/a", False)])
def test_a_key_of_the_stack_is_paid_by_the_month(key: str, shown: bool) -> None:
    """A key that the stack makes costs a dollar; none, or one that is there already, nothing more."""
    told = budget.standing({"TopicKey": key})

    assert (told == ["the notification topic's key: about $1 a month; TopicKey=none leaves it out"]) is shown


def test_template_gives_every_value() -> None:
    """The defaults alone are enough to state the budget."""
    defaults = parameters.template_defaults((REPOSITORY / "template.yaml").read_text())

    lines = budget.lines({name: value or "" for name, value in defaults.items()}, _PRICES)

    assert len(lines) > 10
    assert not any("unknown" in line for line in lines)


def test_memory_is_that_of_the_prediction_function() -> None:
    """What an environment that is kept ready costs goes by the template's memory."""
    template = (REPOSITORY / "template.yaml").read_text()
    function = template.partition("  PredictFunction:")[2]

    size = re.search(r"MemorySize: (\d+)", function)
    assert size is not None
    assert int(size[1]) == budget.PREDICT_GB * 1024


def test_a_serverless_endpoint_costs_by_use() -> None:
    """0.1 s of 3 GB a prediction, and no month of an instance."""
    told = budget.month_lines({**_VALUES, "EndpointKind": "serverless", "ServerlessMemoryMb": "3072"}, _PRICES)[1]

    assert told == ("  endpoint: nothing while nobody asks; $6.00 a million predictions by containers of 3072 MB")
