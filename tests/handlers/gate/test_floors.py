"""handlers/gate/floors.py: no class hides behind the average."""

from dataclasses import replace

import pytest

from handlers.contract.scores import Calibration, ClassScore, GroupScore
from handlers.contract.states import JobEvaluation
from handlers.gate.floors import floors
from handlers.gate.settings import GateSettings
from tests.handlers.environment import ENVIRONMENT

_SETTINGS = GateSettings.from_env(ENVIRONMENT)


def _evaluation(groups=None, **classes):
    """Return an evaluation with so many right of so many test pictures of each class."""
    rows = [
        ClassScore(class_name=name, num_images=num, recall=right / num if num else 0.0, mistakes=[f"test/{name}/1.jpg"])
        for name, (right, num) in classes.items()
    ]
    right, num = (sum(pair) for pair in zip(*classes.values(), strict=True))
    return JobEvaluation(
        training_job_name="a", dataset_fingerprint="b", num_test_images=num, test_top1=right / num, per_class=rows,
        macro_f1=0.7, calibration=Calibration(ece=0.2), groups=groups,
    )  # fmt: skip


def test_model_that_never_says_dog_is_refused():
    """90 of 92 are right, which is 0.9783, and no dog is."""
    assert floors(_evaluation(cat=(90, 90), dog=(0, 2)), _SETTINGS).reasons == [
        "class 'dog': 0 of 2 test pictures right, wrong on 'test/dog/1.jpg', as if the model did not know it "
        "(MinClassRecall=0 asks for no class)"
    ]


def test_300_cats_and_3_dogs_are_refused():
    """As it went live once."""
    (reason,) = floors(_evaluation(cat=(300, 300), dog=(0, 3)), _SETTINGS).reasons

    assert reason.startswith("class 'dog': 0 of 3 test pictures right")


def test_class_far_below_the_floor_is_refused():
    """2 of 30 are too few for 0.3 by any chance."""
    (reason,) = floors(_evaluation(cat=(300, 300), dog=(2, 30)), _SETTINGS).reasons

    assert reason == (
        "class 'dog': 2 of 30 test pictures right, wrong on 'test/dog/1.jpg', too few for MinClassRecall 0.3"
    )


@pytest.mark.parametrize("dog", [(1, 4), (6, 30), (29, 100), (1, 1), (100, 300)])
def test_class_that_may_well_reach_the_floor_passes(dog):
    """Below it as measured is no proof; the evidence names it."""
    opinion = floors(_evaluation(cat=(300, 300), dog=dog), _SETTINGS)

    assert opinion.reasons == []
    assert f"of class 'dog' ({dog[0]} of {dog[1]})" in opinion.evidence[0] or dog == (1, 1)


def test_many_small_classes_are_not_refused_by_chance():
    """Of 100 classes with 3 test pictures each, of which 80 % are right, one is expected to have none."""
    classes = {f"class {index}": (2 + (index % 5 < 2), 3) for index in range(99)} | {"unlucky": (0, 3)}

    assert floors(_evaluation(**classes), _SETTINGS).reasons == []


def test_floor_of_zero_asks_for_no_class():
    """Who wants the average alone can have it."""
    assert floors(_evaluation(cat=(300, 300), dog=(0, 30)), replace(_SETTINGS, min_class_recall=0.0)).reasons == []


def test_class_without_a_test_picture_is_named():
    """It is neither known nor not."""
    assert floors(_evaluation(cat=(30, 30), dog=(0, 0)), _SETTINGS).evidence[0] == "no test picture of 'dog'"


@pytest.mark.parametrize(
    ("parameter", "reason"),
    [
        ("dog:0.8", None),
        ("dog:0.81", "class 'dog': 8 of 10 test pictures right, wrong on 'test/dog/1.jpg', below the 0.81 of Critical"),
        ("fox:0.1", "CriticalClasses names 'fox', of which there is no test picture"),
    ],
)
def test_critical_class_is_held_to_its_recall_as_measured(parameter, reason):
    """A mistyped name guards nothing, so it is refused too."""
    reasons = floors(_evaluation(cat=(30, 30), dog=(8, 10)), replace(_SETTINGS, critical_classes=parameter)).reasons

    assert [text[: len(reason or "")] for text in reasons] == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"min_macro_f1": 0.7}, None),
        ({"min_macro_f1": 0.71}, "macro F1 0.7000 is below MinMacroF1 0.71"),
        ({"max_calibration_error": 0.2}, None),
        ({"max_calibration_error": 0.1}, "calibration error 0.2000 is above MaxCalibrationError 0.1"),
    ],
)
def test_macro_f1_and_calibration_have_floors(changes, reason):
    """As measured."""
    reasons = floors(_evaluation(cat=(30, 30)), replace(_SETTINGS, **changes)).reasons

    assert reasons == ([reason] if reason else [])


def test_group_that_is_badly_served_is_refused():
    """One camera's pictures, by name; a group of one picture proves nothing."""
    groups = [
        GroupScore(group="camera 1", num_images=40, num_right=10, mistakes=["c1/7.jpg"]),
        GroupScore(group="camera 2", num_images=1, num_right=0),
        GroupScore(group="camera 3", num_images=200, num_right=190),
    ]
    evaluation = _evaluation(groups, cat=(241, 241))

    opinion = floors(evaluation, replace(_SETTINGS, min_group_accuracy=0.6))

    assert opinion.reasons == [
        "group 'camera 1': 10 of 40 test pictures right, wrong on 'c1/7.jpg', too few for MinGroupAccuracy 0.6"
    ]
    assert opinion.evidence[-1] == "lowest accuracy 0.00, of group 'camera 2' (0 of 1)"
    assert floors(evaluation, _SETTINGS).reasons == []


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, "per_class"),
        ({"min_class_recall": 0.0, "min_macro_f1": 0.1}, "macro_f1"),
        ({"min_class_recall": 0.0, "max_calibration_error": 0.9}, "calibration"),
        ({"min_class_recall": 0.0, "min_group_accuracy": 0.1}, "groups"),
    ],
)
def test_figure_that_is_missing_reaches_no_floor(changes, missing):
    """The gate fails closed."""
    bare = JobEvaluation(training_job_name="a", dataset_fingerprint="b", num_test_images=4, test_top1=1.0)

    (reason,) = floors(bare, replace(_SETTINGS, **changes)).reasons

    assert reason.startswith(f"evaluation.json has no {missing}")
