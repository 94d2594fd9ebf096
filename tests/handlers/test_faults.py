"""Every AWS call of every handler, with every fault, and with a kill before it: typed outcomes, and no orphans."""

import contextlib
import functools
import io
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError
from botocore.response import StreamingBody

from handlers import (
    check_endpoint,
    compute_features,
    deploy_endpoint,
    evaluate_model,
    register_model,
    register_scaling,
    report_outcome,
    resume_execution,
    start_execution,
    start_training_job,
    start_tuning_job,
    validate_dataset,
)
from handlers.contract.errors import AwsError, RetrieverError
from handlers.datasets import uploads
from handlers.endpoints import scaling
from handlers.executions import waiting
from tests.handlers import packing
from tests.handlers.conftest import EXECUTION, Sent, new_world, refusal

_URL = "https://service.us-east-1.amazonaws.com"
_ARCHIVE = packing.zipped({f"{name}/{i}.jpg": b"x" for name in "ab" for i in range(3)})


def raises(error: Exception) -> Any:
    raise error


FAULTS: dict[str, Callable[[], Any]] = {
    "throttling": lambda: refusal("ThrottlingException"),
    "500": lambda: refusal("InternalFailure", 500),
    "503": lambda: refusal("ServiceUnavailable", 503),
    "connect timeout": lambda: raises(ConnectTimeoutError(endpoint_url=_URL)),
    "read timeout": lambda: raises(ReadTimeoutError(endpoint_url=_URL)),
    "closed connection": lambda: raises(ConnectionClosedError(endpoint_url=_URL)),
    "ModelError": lambda: refusal("ModelError", 424),
    "ValidationException": lambda: refusal("ValidationException"),
    "AccessDenied": lambda: refusal("AccessDeniedException", 403),
    "ExpiredToken": lambda: refusal("ExpiredTokenException", 400),
}


# The code of a handler tells faults apart by our classes and by this one code, so one fault of each kind at every
# call site stands for all ten; `test_ten_faults_are_five_kinds` holds that. All ten at once take two minutes.
KINDS = ("throttling", "closed connection", "ModelError", "ValidationException", "AccessDenied")


class Runtime:
    """An endpoint that always says daisy."""

    def answer(self, operation: str, params: Any) -> Any:
        body = json.dumps({"predictions": [{"class_name": "daisy", "probability": 0.9}]}).encode()
        return 200, {"Body": StreamingBody(io.BytesIO(body), len(body))}


class Case(NamedTuple):
    """A handler, what is there before it runs, and its event."""

    handler: Callable[..., Any]
    prepare: Callable[[Any, Any], dict[str, Any]]


def _validate(world, event):
    world.put("datasets/flowers.zip", _ARCHIVE)
    uri = "s3://retriever-data/datasets/flowers.zip"
    dataset = {"Name": "flowers", "S3Uri": uri, "Fingerprint": world.fingerprint(uri)}
    return {"ExecutionName": EXECUTION, "Dataset": dataset}


def _features(world, event):
    for name in ("classes.json", "train.manifest", "validation.manifest"):
        world.put(f"runs/{EXECUTION}/dataset/{name}", name)
    return event("compute_features")


def _evaluate(world, event):
    world.put_images("datasets/flowers/", daisy=1)
    payload = event("evaluate_model")
    payload["Dataset"]["Fingerprint"] = world.fingerprint(payload["Dataset"]["S3Uri"])
    evaluation = {
        "training_job_name": EXECUTION,
        "dataset_fingerprint": payload["Dataset"]["Fingerprint"],
        "num_test_images": 4,
        "test_top1": 0.95,
    }
    key = payload["Training"]["OutputS3Uri"].removeprefix("s3://retriever-data/")
    world.put(key, packing.tar_gz({"evaluation.json": json.dumps(evaluation).encode()}))
    return payload


def _deploy(world, event):
    world.sagemaker.serve(instance_type="ml.c5.large")
    scaling.register(world.settings)
    return event("deploy_endpoint")


def _check(world, event):
    world.sagemaker.serve()
    world.put("datasets/flowers/test/daisy/0.jpg", "x")
    golden = [{"path": "test/daisy/0.jpg", "class_name": "daisy", "probability": 0.9}]
    evaluation = {"training_job_name": "t", "dataset_fingerprint": "f", "num_test_images": 2, "test_top1": 0.95}
    world.put(f"runs/{EXECUTION}/evaluation.json", json.dumps({**evaluation, "golden": golden}))
    return event("check_endpoint")


def _upload(world, event):
    world.put_images("datasets/flowers/", daisy=1)
    return event("s3_object_created_folder")


def _resume(world, event):
    world.start_execution()
    start_training_job.handler(event("start_training_job"), event.context)
    world.sagemaker.complete_training_job(EXECUTION)
    return event("training_job_state_change")


def _fail(world, event):
    world.start_execution()
    start_tuning_job.handler(event("start_tuning_job"), event.context)
    return event("report_outcome_failed")


CASES = {
    "validate_dataset": Case(validate_dataset.handler, _validate),
    "compute_features": Case(compute_features.handler, _features),
    "start_tuning_job": Case(start_tuning_job.handler, lambda world, event: event("start_tuning_job")),
    "start_training_job": Case(start_training_job.handler, lambda world, event: event("start_training_job")),
    "evaluate_model": Case(evaluate_model.handler, _evaluate),
    "register_model": Case(register_model.handler, lambda world, event: event("register_model")),
    "deploy_endpoint": Case(deploy_endpoint.handler, _deploy),
    "check_endpoint": Case(check_endpoint.handler, _check),
    "register_scaling": Case(register_scaling.handler, lambda world, event: event("register_scaling")),
    "report_outcome": Case(report_outcome.handler, _fail),
    "start_execution": Case(start_execution.handler, _upload),
    "resume_execution": Case(resume_execution.handler, _resume),
}


@pytest.fixture
def scene(settings, switches, chaos, event, lambda_context):
    """Give fresh worlds, one a run, with the case's preparations made."""

    @contextlib.contextmanager
    def make(case):
        chaos.plan(-1, None)
        payloads = functools.partial(event)
        payloads.context = lambda_context  # type: ignore[attr-defined]
        with new_world(settings, switches) as world:
            world.sent = switches["tokens"].target = Sent()
            switches["runtime"].target = Runtime()
            payload = case.prepare(world, payloads)
            yield world, payload
        chaos.plan(-1, None)

    return make


def calls_of(case, scene, chaos, lambda_context):
    """Return the operations of the handler's undisturbed run."""
    with scene(case) as (_, payload):
        chaos.plan(-1, None)
        case.handler(payload, lambda_context)
        return list(chaos.calls)


def each_kind_is_typed(case, at, operation, scene, chaos, lambda_context):
    """Fail unless each kind of fault at the handler's call `at` ends in one of our classes, or in a result."""
    for fault in KINDS:
        with scene(case) as (_, payload):
            chaos.plan(at, FAULTS[fault])
            try:
                case.handler(payload, lambda_context)
            except RetrieverError:
                continue
            except Exception as error:  # noqa: BLE001
                pytest.fail(f"{operation} with {fault}: {error!r} is none of ours")


def test_ten_faults_are_five_kinds(world, chaos):
    """Each fault becomes the class, and the special code, of one of those that meet every call site."""
    kinds = {}
    for name, act in FAULTS.items():
        chaos.plan(0, act)
        with pytest.raises(AwsError) as caught:  # noqa: PT011 - any of its classes, told apart below
            world.table.get("x")
        code = caught.value.code if caught.value.code == "ValidationException" else ""
        kinds[name] = (type(caught.value), code)
    chaos.plan(-1, None)

    assert set(kinds.values()) == {kinds[name] for name in KINDS}
    assert len(FAULTS) == 10


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_fault_of_every_call_is_typed(name, scene, chaos, lambda_context):
    """A fault at any call site ends in one of our classes, or in a result where the handler can do without."""
    case = CASES[name]
    operations = calls_of(case, scene, chaos, lambda_context)
    assert operations

    for at, operation in enumerate(operations):
        each_kind_is_typed(case, at, operation, scene, chaos, lambda_context)


class KilledError(BaseException):
    """The process is gone: nothing catches this."""


def killed_at_each_call(case, scene, chaos, lambda_context):
    """Yield a world for each call, in which the handler was killed just before that call."""
    for at, operation in enumerate(calls_of(case, scene, chaos, lambda_context)):
        with scene(case) as (world, payload):
            chaos.plan(at, lambda: raises(KilledError()))
            with pytest.raises(KilledError):
                case.handler(payload, lambda_context)
            chaos.plan(-1, None)
            yield operation, world, payload


@pytest.mark.parametrize("name", ["compute_features", "start_tuning_job", "start_training_job"])
def test_killed_start_leads_to_one_job_that_is_waited_for(name, scene, chaos, lambda_context):
    """The state is retried with a new token, wherever the first try ended."""
    case = CASES[name]
    for operation, world, payload in killed_at_each_call(case, scene, chaos, lambda_context):
        case.handler({**payload, "TaskToken": "second"}, lambda_context)

        assert len(world.sagemaker.tuning_jobs) + len(world.sagemaker.training_jobs) == 1, operation
        assert [item["TaskToken"] for item in world.table.items("token#")] == ["second"], operation


def test_killed_deployment_is_finished_by_the_retry(scene, chaos, event, lambda_context):
    """One update, scaling restored in the end, and no config or model but the one that serves."""
    case = CASES["deploy_endpoint"]
    for operation, world, payload in killed_at_each_call(case, scene, chaos, lambda_context):
        case.handler({**payload, "TaskToken": "second"}, lambda_context)
        world.sagemaker.end_update()
        resume_execution.handler(event("endpoint_state_change"), lambda_context)
        register_scaling.handler(event("register_scaling"), lambda_context)
        report_outcome.handler(event("report_outcome_succeeded"), lambda_context)

        output = json.loads(world.sent.answers[-1][1]["output"])
        assert output["PreviousEndpointConfigName"] == "old-config", operation
        assert world.sagemaker.operations().count("UpdateEndpoint") == 1, operation
        assert world.sagemaker.endpoints["retriever"]["EndpointConfigName"] == EXECUTION, operation
        assert set(world.sagemaker.models) - {"old-config"} == {EXECUTION}, operation


def test_deployment_given_up_leaves_nothing(scene, chaos, event, lambda_context):
    """The state fails for good wherever it ended: the old endpoint serves, scaling is back, nothing is left."""
    case = CASES["deploy_endpoint"]
    for operation, world, _ in killed_at_each_call(case, scene, chaos, lambda_context):
        if world.sagemaker.endpoints["retriever"]["EndpointStatus"] == "Updating":
            world.sagemaker.end_update(FailureReason="rolled back")
        failed = event("report_outcome_failed")
        report_outcome.handler(failed, lambda_context)

        assert set(world.sagemaker.models) == set(world.sagemaker.endpoint_configs) == {"old-config"}, operation
        assert scaling.take_away(world.settings), operation
        assert list(world.table.items("token#")) == [], operation


def test_killed_start_of_an_execution_is_made_good(scene, chaos, lambda_context, monkeypatch):
    """Lambda delivers the event once more after a minute: one execution, wherever the first delivery ended."""
    case = CASES["start_execution"]
    for operation, world, payload in killed_at_each_call(case, scene, chaos, lambda_context):
        with monkeypatch.context() as patch:
            patch.setattr(uploads, "CLAIM_SECONDS", -2)
            case.handler(payload, lambda_context)

        assert len(world.executions()) == 1, operation
        assert world.table.get("lock#pipeline")["ExecutionName"] == world.executions()[0], operation


def test_killed_resumption_is_made_good_by_the_sweep(scene, chaos, lambda_context, monkeypatch):
    """The state is told, and the token is gone, wherever the first invocation ended."""
    case = CASES["resume_execution"]
    for operation, world, _ in killed_at_each_call(case, scene, chaos, lambda_context):
        with monkeypatch.context() as patch:
            patch.setattr(waiting, "CLAIM_SECONDS", -2)
            resume_execution.handler({"Sweep": True}, lambda_context)

        assert {params["taskToken"] for _, params in world.sent.answers} == {"AQCEAAAAKgAAAAMAAAAAAAAAAeXAMPLETOKEN"}
        assert list(world.table.items("token#")) == [], operation


_REPEATABLE = ["validate_dataset", "evaluate_model", "register_model", "check_endpoint", "register_scaling"]


@pytest.mark.parametrize("name", [*_REPEATABLE, "report_outcome"])
def test_killed_state_can_be_repeated(name, scene, chaos, lambda_context):
    """The second try ends as the first would have, and a model is registered once."""
    case = CASES[name]
    with scene(case) as (_, payload):
        expected = case.handler(payload, lambda_context)

    for operation, world, payload in killed_at_each_call(case, scene, chaos, lambda_context):
        assert case.handler(payload, lambda_context) == expected, operation
        assert len(world.sagemaker.packages) <= 1, operation
