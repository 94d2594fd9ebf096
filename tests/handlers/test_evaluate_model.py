"""handlers/evaluate_model.py: the gate fails closed."""

import gzip
import json
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.layout import Image
from handlers.contract.errors import DatasetChangedError, ModelRejectedError
from handlers.contract.states import EvaluateModelInput
from handlers.datasets.fingerprint import dataset_files
from handlers.datasets.pictures import write_record
from handlers.evaluate_model import handler
from handlers.training_jobs import evaluations
from handlers.training_jobs.evaluations import judge
from tests.handlers import packing
from tests.handlers.environment import EVENTS, EXECUTION

_STEP = EvaluateModelInput.model_validate(json.loads((EVENTS / "evaluate_model.json").read_text()))
_OUTPUT = f"runs/{EXECUTION}/training/{EXECUTION}/output/output.tar.gz"
_GOOD = {
    "training_job_name": EXECUTION,
    "dataset_fingerprint": "5f" * 32,
    "seed": 17,
    "num_test_images": 180,
    "test_top1": 0.95,
    "test_loss": 0.2,
    "per_class": [{"class_name": "daisy", "num_images": 180, "recall": 0.95}],
    "golden": [{"path": "test/daisy/3.jpg", "class_name": "daisy", "probability": 0.9}],
}


@pytest.fixture
def evaluate(world, event, lambda_context):
    """Give a call of the handler with this evaluation.json in the training job's output."""
    world.put_images("datasets/flowers/", daisy=2, rose=2)

    def call(evaluation=_GOOD, output=None, **dataset):
        body = evaluation if isinstance(evaluation, bytes) else json.dumps(evaluation).encode()
        world.put(_OUTPUT, packing.tar_gz({"log.txt": b"x", "evaluation.json": body}) if output is None else output)
        payload = event("evaluate_model")
        fingerprint = world.fingerprint("s3://retriever-data/datasets/flowers/")
        payload["Dataset"].update({"Fingerprint": fingerprint, **dataset})
        return handler(payload, lambda_context)

    return call


def with_own_fingerprint(world):
    return {**_GOOD, "dataset_fingerprint": world.fingerprint("s3://retriever-data/datasets/flowers/")}


def test_good_model_passes(world, evaluate):
    """Accuracy, threshold and the evaluation's place go on; the evaluation is kept whole."""
    evaluation = with_own_fingerprint(world)

    result = evaluate(evaluation)

    assert result == {
        "Accuracy": 0.95,
        "Threshold": 0.9,
        "NumTestImages": 180,
        "EvaluationS3Uri": f"s3://retriever-data/runs/{EXECUTION}/evaluation.json",
        "Evidence": "lowest recall 0.95, of class 'daisy' (171 of 180); no model served before it",
        "BrokeDownInEpoch": 0,
        "ServedBy": "",
    }
    assert world.json(result["EvaluationS3Uri"]) == evaluation


def test_training_that_broke_down_is_passed_on(world, evaluate):
    """The model of the last good epoch passes by its accuracy, and its owner is told how it came about."""
    assert evaluate({**with_own_fingerprint(world), "broke_down_in_epoch": 7})["BrokeDownInEpoch"] == 7


def test_why_int8_was_refused_is_passed_on(world, evaluate):
    """The owner reads beside the accuracy by what the model answers, and why not by the faster form."""
    serving = {"engine": "openvino", "precision": "fp32", "reason": "int8 failed: RuntimeError: no kernel"}

    result = evaluate({**with_own_fingerprint(world), "serving": {**serving, "file": "model.onnx"}})

    assert result["ServedBy"] == "fp32 by openvino: int8 failed: RuntimeError: no kernel"


def test_accuracy_at_the_threshold_passes():
    """At least the threshold is enough."""
    assert judge({**_GOOD, "test_top1": 0.9}, _STEP, 0.9).test_top1 == 0.9


def test_accuracy_below_the_threshold_is_rejected(world, evaluate):
    """Value and threshold are in the sentence, and nothing is kept for a deployment."""
    with pytest.raises(ModelRejectedError, match=r"test accuracy 0\.8999 is below the threshold 0\.9; nothing was"):
        evaluate({**with_own_fingerprint(world), "test_top1": 0.8999})
    assert f"runs/{EXECUTION}/evaluation.json" not in world.keys("runs/")


@pytest.mark.parametrize(
    "value", ["0.99", "", None, True, [0.99], {}, float("nan"), float("inf"), -float("inf"), 1.01, -0.1]
)
def test_accuracy_that_is_no_fraction_is_rejected(value):
    """Text, nothing, a truth value, NaN, infinity, or outside 0..1."""
    with pytest.raises(ModelRejectedError, match=r"test_top1|test accuracy"):
        judge({**_GOOD, "test_top1": value}, _STEP, 0.9)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_only_a_number_in_range_passes(value):
    """Whatever JSON stands there, it passes as a fraction of at least the threshold or not at all."""
    try:
        accepted = judge({**_GOOD, "test_top1": value}, _STEP, 0.9)
    except ModelRejectedError:
        return

    assert type(value) is float
    assert 0.9 <= accepted.test_top1 <= 1


@pytest.mark.parametrize("field", ["training_job_name", "dataset_fingerprint", "num_test_images", "test_top1"])
def test_missing_value_is_rejected_by_name(field):
    """What is not there proves nothing."""
    evaluation = {name: value for name, value in _GOOD.items() if name != field}

    with pytest.raises(ModelRejectedError, match=rf"{field} in evaluation.json.*Field required.*threshold 0\.9"):
        judge(evaluation, _STEP, 0.9)


@pytest.mark.parametrize("evaluation", [None, [], "x", 3])
def test_evaluation_that_is_no_object_is_rejected(evaluation):
    """JSON, but not ours."""
    with pytest.raises(ModelRejectedError, match=r"in evaluation\.json"):
        judge(evaluation, _STEP, 0.9)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("training_job_name", "flowers-0123456789ab-2", "is of training job 'flowers-0123456789ab-2'; this run's is"),
        ("dataset_fingerprint", "aa", "is of dataset fingerprint 'aa'; this run's is"),
        ("num_test_images", 0, "over 0 images proves nothing"),
    ],
)
def test_evaluation_of_another_run_is_rejected(field, value, message):
    """Stale metrics never pass the gate of a newer attempt."""
    with pytest.raises(ModelRejectedError, match=message):
        judge({**_GOOD, field: value}, _STEP, 0.9)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (b"", "cannot be read"),
        (b"not gzip", "cannot be read"),
        (packing.tar_gz({"evaluation.json": b"{}"})[:30], "cannot be read"),
        (gzip.compress(b"no tar" * 200), "cannot be read"),
        (packing.tar_gz({"other.json": b"{}"}), "holds no evaluation.json"),
        (packing.tar_gz({"sub/evaluation.json": b"{}"}), "holds no evaluation.json"),
        (
            packing.tar_gz({}, [packing.special("evaluation.json", tarfile.SYMTYPE, "/etc/passwd")]),
            "holds no evaluation",
        ),
        (packing.tar_gz({"evaluation.json": b"{"}), "is no JSON"),
    ],
    ids=["empty", "plain", "truncated", "no tar", "other", "elsewhere", "link", "broken"],
)
def test_output_that_cannot_be_read_is_rejected(evaluate, output, message):
    """Only a regular member evaluation.json counts."""
    with pytest.raises(ModelRejectedError, match=message):
        evaluate(output=output)


def test_missing_output_is_rejected(world, event, lambda_context, evaluate):
    """The training job wrote none."""
    payload = event("evaluate_model")
    payload["Dataset"]["S3Uri"] = "s3://retriever-data/staged/flowers/x/"

    with pytest.raises(ModelRejectedError, match="does not exist; the training job wrote none"):
        handler(payload, lambda_context)


def test_huge_evaluation_is_rejected(evaluate, monkeypatch):
    """The size is known before it is read."""
    monkeypatch.setattr(evaluations, "MAX_EVALUATION_BYTES", 10)

    with pytest.raises(ModelRejectedError, match="at most 10 are read"):
        evaluate()


def test_bomb_before_the_evaluation_is_rejected(evaluate, monkeypatch):
    """Members before it are passed over within a limit."""
    monkeypatch.setattr(evaluations, "MAX_OUTPUT_BYTES", 1000)
    output = packing.tar_gz({"big": bytes(2000), "evaluation.json": b"{}"})

    with pytest.raises(ModelRejectedError, match="unpacks to more than 1000 bytes"):
        evaluate(output=output)


def test_leading_dot_in_the_member_is_fine(world, evaluate):
    """Some packers write ./evaluation.json."""
    body = json.dumps(with_own_fingerprint(world)).encode()

    assert evaluate(output=packing.tar_gz({"./evaluation.json": body}))["Accuracy"] == 0.95


def test_dataset_that_changed_meanwhile_stops_the_run(world, evaluate):
    """The accuracy is of other files than those that are there now."""
    evaluation = with_own_fingerprint(world)
    before = evaluation["dataset_fingerprint"]
    world.put("datasets/flowers/daisy/new.jpg", "new")

    with pytest.raises(DatasetChangedError, match=f"'flowers' changed during the run, from fingerprint {before[:12]}"):
        evaluate(evaluation, Fingerprint=before)


def test_only_pictures_that_were_trained_on_may_not_change(world, evaluate, settings):
    """New ones wait for the next run; one that was replaced stops this one, by its name."""
    evaluation = with_own_fingerprint(world)
    prefix = "datasets/flowers/"
    files = dataset_files("retriever-data", prefix)
    images = [Image(file.path, file.path.partition("/")[0], "train") for file in files]
    uri, _ = write_record("retriever-data", "runs/a/dataset/", f"s3://retriever-data/{prefix}", images, files)
    given = {"PicturesS3Uri": uri, "Fingerprint": evaluation["dataset_fingerprint"]}
    world.put(f"{prefix}daisy/new.jpg", "new")

    assert evaluate(evaluation, **given)["Accuracy"] == 0.95
    world.put(f"{prefix}rose/0.jpg", "other")
    world.put(f"{prefix}daisy/1.jpg", "other")
    with pytest.raises(DatasetChangedError, match=r"changed during the run: 'daisy/1.jpg' and 1 more were replaced or"):
        evaluate(evaluation, **given)


def test_staged_archive_needs_no_second_look(world, evaluate):
    """Its folder bears the fingerprint, and only we write there."""
    evaluation = {**_GOOD, "dataset_fingerprint": "ab"}

    result = evaluate(evaluation, S3Uri="s3://retriever-data/staged/flowers/ab/", Fingerprint="ab")

    assert result["Accuracy"] == 0.95


def _champion(**changes):
    """Return the champion's part of an evaluation in which both do the same."""
    scores = {
        "name": "old-config",
        "problem": "",
        "knows_what_it_learned": True,
        "num_images": 400,
        "interval": [-0.01, 0.01],
    }
    return scores | {"candidate_right": 380, "champion_right": 380} | changes


def test_model_that_is_no_worse_than_what_serves_passes(world, evaluate):
    """The evidence goes on to status, notification and summary."""
    world.sagemaker.serve()

    result = evaluate({**with_own_fingerprint(world), "champion": _champion()})

    assert "; 380 right to the 380 of 'old-config', which serves" in result["Evidence"]


def test_worse_model_is_refused_and_leaves_no_evaluation(world, evaluate):
    """Above the threshold, and worse than what serves: nothing is kept for a deployment."""
    world.sagemaker.serve()
    worse = _champion(candidate_right=340, champion_alone=40, interval=[-0.13, -0.07], p_value=0.0)

    with pytest.raises(
        ModelRejectedError, match=r"accuracy 0\.9500 on 180 images, but 340 right to the 380.*: worse than"
    ):
        evaluate({**with_own_fingerprint(world), "champion": worse})
    assert f"runs/{EXECUTION}/evaluation.json" not in world.keys("runs/")


@pytest.mark.parametrize("interval", [[-0.1], ["a", "b"], [-2, 2], None])
def test_comparison_that_is_no_comparison_is_rejected(world, evaluate, interval):
    """It fails closed, as the accuracy does."""
    world.sagemaker.serve()

    with pytest.raises(ModelRejectedError, match=r"champion\.interval"):
        evaluate({**with_own_fingerprint(world), "champion": _champion(interval=interval)})
