"""ops/runs/comparing.py and its page: two runs, in what differs."""

from typing import Any

import pytest

from datasets.pictures import Picture
from handlers.ledger import Run
from ops.datasets.differences import differences
from ops.runs import comparison_page
from ops.runs.comparing import Comparison, of_classes, of_parameters, of_pictures, of_runs, pairs, settings_of

_JOB: dict[str, Any] = {
    "HyperParameters": {
        "epochs": "20", "model_name": '"resnet18"', "champion_name": '"x"', "dataset_fingerprint": '"5f"',
        "sagemaker_submit_directory": '"s3://b/code/abc.tar.gz"',
    },
    "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2},
    "AlgorithmSpecification": {"TrainingImage": "account/pytorch-training:2.10"},
}  # fmt: skip


def _evaluation(**recalls: float | None) -> dict[str, Any]:
    return {"per_class": [{"class_name": name, "recall": recall} for name, recall in recalls.items()]}


def test_settings_are_what_the_job_was_told() -> None:
    """Hyperparameters, code, image and instances; not what it was held to, nor the data, which has its own line."""
    assert settings_of(_JOB) == {
        "epochs": "20",
        "model_name": "resnet18",
        "code": "abc.tar.gz",
        "image": "pytorch-training:2.10",
        "instances": "2 x ml.m5.xlarge",
    }


def test_only_what_differs_is_told_of_settings() -> None:
    """What one run has and the other has not differs too."""
    assert pairs({"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"}) == [("b", "2", "3"), ("c", "-", "4")]


def test_what_only_one_run_came_to_is_no_difference() -> None:
    """A run that the gate refused has made no endpoint; what both were judged by is compared."""
    old = Run("r1", judged_by={"AccuracyThreshold": 0.8, "MinMacroF1": 0}, deployed_by={"ScalingMaxInstances": 4})
    new = Run("r2", judged_by={"AccuracyThreshold": 0.9, "MinMacroF1": 0})

    assert of_parameters(old, new) == [("gate: AccuracyThreshold", "0.8", "0.9")]


def test_the_class_that_lost_most_comes_first() -> None:
    """A class that is gone has lost all; one that is new has won; without a test picture there is no recall."""
    old = _evaluation(cat=0.9, dog=0.5, fox=0.8, owl=None)
    new = _evaluation(cat=0.7, dog=0.9, hen=1.0, owl=None)

    assert of_classes(old, new) == [("fox", 0.8, None), ("cat", 0.9, 0.7), ("dog", 0.5, 0.9), ("hen", None, 1.0)]


def test_pictures_are_counted_by_what_became_of_them() -> None:
    """Relabelled, moved, added and removed."""

    def picture(path: str, class_name: str, split: str, digest: str) -> Picture:
        return Picture(path, class_name, split, 1, "", sha256=digest)

    old = {"a": picture("a", "cat", "train", "1"), "b": picture("b", "cat", "train", "2")}
    new = {"a": picture("a", "dog", "train", "1"), "c": picture("c", "dog", "test", "3")}

    assert of_pictures(differences(old, new)) == ["1 relabelled", "1 added", "1 removed"]


def test_both_runs_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    """What a person looks for first is there, equal or not; what could not be compared is said."""
    old = Run("r1", dataset="pets", status="SUCCEEDED", accuracy=0.9, bills={"StartTrainingJob": {"BilledSeconds": 60}})
    new = Run("r2", dataset="pets", status="FAILED", failed_state="EvaluateModel")
    comparison = Comparison(
        runs=of_runs(old, new), settings=[("epochs", "20", "2")], data=["1 added"],
        classes=[("cat", 0.9, 0.5), ("dog", 0.5, 0.5), ("hen", None, 1.0)], notes=["r2: no evaluation"],
    )  # fmt: skip

    comparison_page.show("r1", "r2", comparison)

    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert "outcome\tsucceeded\tfailed in EvaluateModel" in lines
    assert "seconds billed\t60\t-" in lines
    assert "epochs\t20\t2" in lines
    assert "data: 1 added" in lines
    assert "cat\t0.9000\t0.5000\t-0.4000" in lines
    assert "hen\t-\t1.0000\tnew" in lines
    assert not [line for line in lines if line.startswith("dog")]
    assert "r2: no evaluation" in printed.err


def test_runs_that_are_alike_are_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is a table of nothing."""
    comparison_page.show("r1", "r2", Comparison(classes=[("cat", 0.9, 0.9)], data=["the same pictures"]))

    assert capsys.readouterr().out.splitlines()[-3:] == [
        "settings: the same",
        "data: the same pictures",
        "classes: the same recall of each",
    ]


def test_of_many_classes_the_ends_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Ten that lost most and ten that won most; how many are left out is said."""
    classes = [(f"c{number:03}", 0.5, 0.25 + number / 200) for number in range(100)]

    comparison_page.show("r1", "r2", Comparison(classes=list(classes)))

    printed = capsys.readouterr()
    assert [line[:4] for line in printed.out.splitlines()][-20:] == [f"c{n:03}" for n in (*range(10), *range(90, 100))]
    assert "79 classes between these changed less" in printed.err
