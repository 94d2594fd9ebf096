"""What an execution may cost is the limits' product, and an unknown price is said to be unknown."""

import pytest

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
}


def test_limits_multiply_to_a_price() -> None:
    """Four tuning instances for an hour, two training instances for two."""
    assert budget.lines(_VALUES, "us-east-1") == [
        "one execution takes at most (prices of 2025, us-east-1, on demand):",
        "  examination: 1 job, 2 instance-hours of ml.g5.xlarge: $2.82",
        "  tuning: 20 jobs, 4 instance-hours of ml.m5.xlarge: $0.92",
        "  training: 1 job, 4 instance-hours of ml.g5.xlarge: $5.63",
    ]


@pytest.mark.parametrize(
    ("changes", "region", "expected"),
    [
        ({"TuningInstanceType": "ml.m7i.large"}, "us-east-1", "price unknown for ml.m7i.large"),
        ({}, "eu-west-1", "price unknown for ml.m5.xlarge in eu-west-1"),
        ({"Trainable": "head"}, "us-east-1", "features: 1 job, 2 instance-hours of ml.g5.xlarge: $2.82"),
        ({"UseSpot": "true"}, "us-east-1", "spot instances cost less"),
    ],
)
def test_what_is_not_known_is_said(changes: dict[str, str], region: str, expected: str) -> None:
    """No figure is made up, and nothing that is paid for is left out."""
    assert expected in "\n".join(budget.lines(_VALUES | changes, region))


@pytest.mark.parametrize(("key", "shown"), [("own", True), ("none", False), ("arn:aws:kms:us-east-1:1:key/a", False)])
def test_a_key_of_the_stack_is_paid_by_the_month(key: str, shown: bool) -> None:
    """A key that the stack makes costs a dollar; none, or one that is there already, nothing more."""
    last = budget.lines(_VALUES | {"TopicKey": key}, "us-east-1")[-1]

    assert (last == "the notification topic's key: about $1 a month; TopicKey=none leaves it out") is shown


def test_template_gives_every_value() -> None:
    """The defaults alone are enough to state the budget."""
    defaults = parameters.template_defaults((REPOSITORY / "template.yaml").read_text())

    lines = budget.lines({name: value or "" for name, value in defaults.items()}, "us-east-1")

    assert len(lines) == 6
    assert not any("unknown" in line for line in lines)
