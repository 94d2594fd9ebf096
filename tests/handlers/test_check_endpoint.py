"""handlers/check_endpoint.py: the live endpoint repeats the golden predictions, or is set back."""

import io
import json
from typing import Any

import pytest
from botocore.response import StreamingBody

from handlers.check_endpoint import handler
from handlers.contract.errors import EndpointCheckError
from handlers.contract.states import GoldenPrediction
from handlers.endpoints.golden import Answer, compare
from tests.handlers.environment import EXECUTION

_GOLDEN: list[dict[str, Any]] = [
    {"path": "test/daisy/0.jpg", "class_name": "daisy", "probability": 0.91},
    {"path": "test/rose/0.png", "class_name": "rose", "probability": 0.55},
]


class Runtime:
    """The endpoint: answers by the image's bytes, or refuses with a code."""

    def __init__(self):
        self.answers, self.requests, self.fault, self.raw = {}, [], "", None

    def answer(self, operation, params):
        assert operation == "InvokeEndpoint"
        self.requests.append(params)
        if self.fault:
            return 424, {"Error": {"Code": self.fault, "Message": "Received server error (500) from primary"}}
        name, probability = self.answers[params["Body"]]
        best = {"class_name": name, "class_index": 0, "probability": probability}
        body = self.raw if self.raw is not None else json.dumps({"predictions": [best]}).encode()
        return 200, {"Body": StreamingBody(io.BytesIO(body), len(body))}


@pytest.fixture
def runtime(world, switches):
    """Give an endpoint that agrees with the evaluation, updated from old-config."""
    runtime = switches["runtime"].target = Runtime()
    for golden in _GOLDEN:
        world.put(f"datasets/flowers/{golden['path']}", golden["path"])
        runtime.answers[golden["path"].encode()] = (golden["class_name"], golden["probability"] + 0.001)
    world.sagemaker.serve(config="old-config")
    world.sagemaker.serve(config=EXECUTION)
    keep(world, _GOLDEN)
    return runtime


def keep(world, golden):
    evaluation = {"training_job_name": "t", "dataset_fingerprint": "f", "num_test_images": 2, "test_top1": 0.95}
    world.put(f"runs/{EXECUTION}/evaluation.json", json.dumps({**evaluation, "golden": golden}))


def refused(world, event, lambda_context, message):
    """Expect a refusal, and the endpoint on its way back."""
    with pytest.raises(EndpointCheckError, match=message):
        handler(event("check_endpoint"), lambda_context)
    assert world.sagemaker.request("UpdateEndpoint") == {
        "EndpointName": "retriever",
        "EndpointConfigName": "old-config",
        "RetainAllVariantProperties": True,
    }


def test_agreeing_endpoint_passes(world, runtime, event, lambda_context):
    """Each golden image goes through the endpoint as what it is."""
    result = handler(event("check_endpoint"), lambda_context)

    assert (result["NumImages"], result["NumAgreeing"]) == (2, 2)
    assert result["MaxProbabilityDifference"] == pytest.approx(0.001)
    assert [request["ContentType"] for request in runtime.requests] == ["image/jpeg", "image/png"]
    assert "UpdateEndpoint" not in world.sagemaker.operations()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (("rose", 0.91), r"says 'rose' with 0\.9100 for 'test/daisy/0.jpg'; the evaluation said 'daisy' with 0\.9100"),
        (("daisy", 0.85), r"says 'daisy' with 0\.8500 .*\(tolerance 0\.02\), so preprocessing"),
        (("daisy", float("nan")), "answered 'test/daisy/0.jpg' with no predictions: .*NaN is not JSON"),
    ],
)
def test_disagreeing_endpoint_is_set_back(world, runtime, event, lambda_context, answer, message):
    """Another class, another probability, or none: the config that served before comes back."""
    runtime.answers[b"test/daisy/0.jpg"] = answer

    refused(world, event, lambda_context, f"{message}.*; the endpoint goes back to 'old-config'")


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"predictions": []}', b"[1]", b'{"predictions": [{"class_name": "a"}]}'])
def test_answer_without_predictions_is_refused(world, runtime, event, lambda_context, raw):
    """Whatever it is, it is no prediction."""
    runtime.raw = raw

    refused(world, event, lambda_context, "answered 'test/daisy/0.jpg' with no predictions")


@pytest.mark.parametrize("code", ["ModelError", "ValidationError", "AccessDeniedException"])
def test_endpoint_that_errs_is_set_back(world, runtime, event, lambda_context, code):
    """An endpoint that cannot be checked must not serve."""
    runtime.fault = code

    refused(world, event, lambda_context, f"InvokeEndpoint: {code}.*goes back to 'old-config'")


def test_no_golden_predictions_prove_nothing(world, runtime, event, lambda_context):
    """An empty check is no check."""
    keep(world, [])

    refused(world, event, lambda_context, "has no golden predictions")


def test_broken_evaluation_is_refused(world, runtime, event, lambda_context):
    """What the gate wrote was changed."""
    keep(world, [{"path": "x"}])

    refused(world, event, lambda_context, "is no evaluation: .* is missing")


def test_vanished_image_is_refused(world, runtime, event, lambda_context):
    """A golden image is no longer in S3."""
    keep(world, [{**_GOLDEN[0], "path": "test/daisy/gone.jpg"}])

    refused(world, event, lambda_context, "HeadObject: 404")


def test_a_model_is_checked_again_after_its_dataset_changed(world, runtime, event, lambda_context):
    """Its golden images were kept beside its evaluation at the first check."""
    handler(event("check_endpoint"), lambda_context)
    world.put(f"datasets/flowers/{_GOLDEN[0]['path']}", "another picture")

    assert handler(event("check_endpoint"), lambda_context)["NumAgreeing"] == 2
    assert world.keys(f"runs/{EXECUTION}/golden/") == [f"runs/{EXECUTION}/golden/{one['path']}" for one in _GOLDEN]


def test_new_endpoint_is_deleted(world, runtime, event, lambda_context):
    """There is no config to go back to, and a wrong answer is worse than none."""
    runtime.fault = "ModelError"
    payload = event("check_endpoint")
    payload["Endpoint"]["PreviousEndpointConfigName"] = ""

    with pytest.raises(EndpointCheckError, match="; the new endpoint was deleted"):
        handler(payload, lambda_context)
    assert world.sagemaker.endpoints == {}


def test_failure_to_set_back_does_not_hide_the_reason(world, runtime, event, lambda_context):
    """Both are told."""
    runtime.fault = "ModelError"
    world.sagemaker.faults["UpdateEndpoint"] = "ThrottlingException"

    with pytest.raises(EndpointCheckError, match=r"ModelError.*could not be set back either \(UpdateEndpoint: Thrott"):
        handler(event("check_endpoint"), lambda_context)


def test_difference_within_the_tolerance_passes():
    """Rounding of another CPU is allowed for."""
    golden = [GoldenPrediction(path="a", class_name="x", probability=0.5)]

    assert compare(golden, [Answer("x", 0.5199)]).max_probability_difference == pytest.approx(0.0199)
