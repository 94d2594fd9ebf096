"""Which parameters contradict each other: the table, and that deploy.py and the template hold the same."""

import itertools

import pytest

from handlers.contract import combinations
from handlers.contract.combinations import With

_FITTING = {
    "ScalingMinInstances": "1",
    "ScalingMaxInstances": "4",
    "EndpointInstanceCount": "1",
    "MaxParallelTuningJobs": "2",
    "MaxTuningJobs": "8",
    "PredictProvisionedConcurrency": "0",
    "PredictReservedConcurrency": "0",
    "Weights": "imagenet",
    "WeightsS3Uri": "",
    "ModelName": "resnet50",
    "ImageSize": "224",
    "Trainable": "full",
    "TuningMode": "auto",
    "Cutmix": "0",
    "ProgressiveResize": "1",
}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"ScalingMinInstances": "5"}, "ScalingMinInstances=5 and ScalingMaxInstances=4: "),
        ({"EndpointInstanceCount": "5"}, "EndpointInstanceCount=5 and ScalingMaxInstances=4: "),
        ({"MaxTuningJobs": "1"}, "MaxParallelTuningJobs=2 and MaxTuningJobs=1: "),
        (
            {"PredictReservedConcurrency": "5", "PredictProvisionedConcurrency": "6"},
            "PredictProvisionedConcurrency=6 and PredictReservedConcurrency=5: ",
        ),
        ({"Weights": "channel"}, "Weights=channel and WeightsS3Uri='': "),
        ({"Weights": "packaged"}, "Weights=packaged and ModelName=resnet50: the second must be efficientnet_lite0"),
        ({"ModelName": "efficientnet_lite0"}, "Weights=imagenet and ModelName=efficientnet_lite0: there is no such"),
        ({"Trainable": "head", "Cutmix": "0.5"}, "Trainable=head and Cutmix=0.5: the second needs Trainable=full, or"),
        (
            {"Trainable": "head", "ProgressiveResize": "0.5"},
            "Trainable=head and ProgressiveResize=0.5: the second needs",
        ),
        ({"ModelName": "vit_b_16", "ProgressiveResize": "0.5"}, "ModelName=vit_b_16 and ProgressiveResize=0.5: it tak"),
        ({"TuningMode": "one_job"}, "TuningMode=one_job and Trainable=full: the second must be head"),
        ({"ModelName": "vgg16"}, "ModelName=vgg16 and ImageSize=224: model_name 'vgg16' is not known; use one of conv"),
        (
            {"ModelName": "inception_v3", "ImageSize": "64"},
            "ModelName=inception_v3 and ImageSize=64: inception_v3 takes pictures of 75 pixels and more, not of 64",
        ),
    ],
)
def test_a_contradiction_names_both_parameters(changes: dict[str, str], problem: str) -> None:
    """One sentence for each, and no other."""
    (told,) = combinations.problems(_FITTING | changes)

    assert told.startswith(problem)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ScalingMinInstances": "4", "EndpointInstanceCount": "4"},
        {"MaxTuningJobs": "2"},
        {"Trainable": "head"},
        {"Trainable": "head", "TuningMode": "one_job"},
        {"Cutmix": "1", "ProgressiveResize": "0.5"},
        {"PredictProvisionedConcurrency": "3"},  # nothing is reserved
        {"Weights": "channel", "WeightsS3Uri": "s3://a/b/"},
        {"Weights": "packaged", "ModelName": "efficientnet_lite0"},
        {"ScalingMaxInstances": "10"},  # 9 and 10 as numbers, not as texts
    ],
)
def test_what_fits_is_not_refused(changes: dict[str, str]) -> None:
    """Equal counts fit, and 0 reserves nothing."""
    assert combinations.problems(_FITTING | {"EndpointInstanceCount": "1"} | changes) == []


def test_what_is_not_there_is_not_judged() -> None:
    """Each caller hands in what it knows."""
    assert combinations.problems({}) == []
    for one, other in itertools.pairwise(_FITTING):
        assert combinations.problems({one: _FITTING[one], other: _FITTING[other]}) == []


def test_every_combination_is_of_the_templates_parameters() -> None:
    """A parameter that was renamed must not leave a rule that never applies."""
    from ops.stack.expand_template import read_template

    names: set[str] = set()
    for each in combinations.COMBINATIONS:
        names |= set(each.parameters)

    assert names <= set(read_template()["Parameters"])


def test_what_rules_can_say_the_template_says_too() -> None:
    """A stack that is updated without deploy.py is refused by CloudFormation itself."""
    from ops.stack.expand_template import read_template

    conditions = [rule["RuleCondition"]["Fn::Equals"] for rule in read_template()["Rules"].values()]

    comparable = [each for each in combinations.COMBINATIONS if isinstance(each, With)]
    assert [[{"Ref": each.name}, each.value] for each in comparable] == conditions
