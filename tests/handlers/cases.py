"""Each handler with what is there before it runs, and the faults that its AWS calls meet."""

import contextlib
import dataclasses
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError
from botocore.response import StreamingBody

from handlers import (
    aws,
    check_endpoint,
    compute_features,
    deploy_endpoint,
    evaluate_model,
    judge_shadow,
    register_model,
    register_scaling,
    report_outcome,
    resume_execution,
    standby,
    start_execution,
    start_training_job,
    start_tuning_job,
    unpack_archive,
    validate_dataset,
    wait_for_approval,
)
from handlers.contract.errors import RetrieverError
from handlers.contract.states import DeployEndpointInput
from handlers.endpoints import requests, scaling
from handlers.ledger import Deployment, Drop, Run, RunStatus, Serving, Standby, Token, Turn
from tests.handlers import packing
from tests.handlers.chaos import refusal
from tests.handlers.environment import EXECUTION
from tests.handlers.paying import complete

_URL = "https://service.us-east-1.amazonaws.com"
_TARGET = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_ARCHIVE = packing.zipped({f"{name}/{i}.jpg": b"x" for name in "ab" for i in range(3)})


def raises(error: BaseException) -> Any:
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


def _unpack(world, event):
    world.put("datasets/flowers.zip", _ARCHIVE)
    payload = event("unpack_archive")
    payload["Dataset"]["Fingerprint"] = world.fingerprint(payload["Dataset"]["S3Uri"])
    return payload


def _unpack_without_time(payload, context):
    return unpack_archive.handler(payload, dataclasses.replace(context, remaining_ms=60_000))


def _validate(world, event):
    payload = _unpack(world, event)
    unpack_archive.handler(payload, event.context)
    return payload


def _features(world, event):
    for name in ("classes.json", "train.manifest", "validation.manifest", "test.manifest"):
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
        "per_class": [{"class_name": "daisy", "num_images": 4, "recall": 1.0}],
    }
    key = payload["Training"]["OutputS3Uri"].removeprefix("s3://retriever-data/")
    world.put(key, packing.tar_gz({"evaluation.json": json.dumps(evaluation).encode()}))
    return payload


def _train_beside_a_champion(world, event):
    world.sagemaker.serve()
    world.put("runs/old-config/training/old-config/output/model.tar.gz")
    return event("start_training_job")


def scheduled_action(world, name):
    """Let the endpoint's bounds change by a schedule."""
    target = {key: scaling.target_request(world.settings)[key] for key in _TARGET}
    aws.autoscaling().put_scheduled_action(
        **target,
        ScheduledActionName=name,
        Schedule="cron(0 22 * * ? *)",
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 1},
    )


def _register(world, event):
    scaling.register(world.settings)
    scheduled_action(world, "nightly")
    scaling.take_away(world.ledger, world.settings)
    return event("register_scaling")


def _deploy(world, event):
    world.sagemaker.serve(instance_type="ml.c5.large")
    scaling.register(world.settings)
    scheduled_action(world, "nightly")
    return event("deploy_endpoint")


def _check(world, event):
    world.sagemaker.serve()
    world.put("datasets/flowers/test/daisy/0.jpg", "x")
    golden = [{"path": "test/daisy/0.jpg", "class_name": "daisy", "probability": 0.9}]
    evaluation = {"training_job_name": "t", "dataset_fingerprint": "f", "num_test_images": 2, "test_top1": 0.95}
    world.put(f"runs/{EXECUTION}/evaluation.json", json.dumps({**evaluation, "golden": golden}))
    return event("check_endpoint")


def asked(world, event):
    """Leave a run that is noted, with its evaluation and the pictures of its golden predictions."""
    Run(EXECUTION, status=RunStatus.RUNNING).report(world.ledger)
    _check(world, event)
    return event("wait_for_approval")


def _waits(world, event):
    world.start_execution()
    package = {"ClientToken": "x", "ModelApprovalStatus": "PendingManualApproval", "ApprovalDescription": "by ann"}
    payload = asked(world, event)
    world.sagemaker.packages[payload["Model"]["ModelPackageArn"]] = package
    wait_for_approval.handler(payload, event.context)
    package["ModelApprovalStatus"] = "Approved"
    return event("model_package_state_change")


def _card_of_an_approved_model(world, event):
    arn = register_model.handler(accept(world, event), event.context)["ModelPackageArn"]
    world.sagemaker.packages[arn]["ModelApprovalStatus"] = "Approved"
    payload = event("model_package_state_change")
    payload["detail"]["ModelPackageArn"] = arn
    return payload


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


def _finished_before(handler, name):
    """Let another execution finish the same work."""

    def prepare(world, event):
        payload = _features(world, event) if name == "compute_features" else event(name)
        if "Features" in payload:
            payload["Features"] = {"FeaturesS3Uri": "s3://retriever-data/features/k/", "Key": "k"}
        handler(payload | {"ExecutionName": "flowers-ba9876543210-1"}, event.context)
        (token,) = Token.all(world.ledger)
        complete(world, token.kind, token.resource_name, payload["Dataset"])
        token.forget(world.ledger)
        return payload

    return prepare


class Rare(NamedTuple):
    """A case in which a handler comes to calls that it seldom makes, and what they are."""

    case: Case
    operations: tuple[str, ...]


def _deploy_again(world, event):
    deploy_endpoint.handler(event("deploy_endpoint"), event.context)
    return {**event("deploy_endpoint"), "TaskToken": "second"}


def _failed_tuning(world, event):
    world.start_execution()
    start_tuning_job.handler(event("start_tuning_job"), event.context)
    world.sagemaker.fail_tuning_job("flowers-0123456789-1", "All training jobs failed.")
    return event("tuning_job_state_change")


def _on_features(event):
    """Return the input of StartTuningJob where features are kept, so that one job trains all trials."""
    features = {"FeaturesS3Uri": "s3://retriever-data/features/k/", "Key": "k"}
    return event("start_tuning_job") | {"Features": features}


def _tuned_in_one_job(world, event):
    world.start_execution()
    job = start_tuning_job.handler(_on_features(event), event.context)["TuningJobName"]
    complete(world, "trials", job, {})
    arn = world.sagemaker.training_jobs[job]["TrainingJobArn"]
    return event("training_job_state_change") | {"detail": {"TrainingJobArn": arn}}


def _unhealthy_deployment(world, event):
    world.start_execution()
    deploy_endpoint.handler(event("deploy_endpoint"), event.context)
    reason = "The primary container for production variant AllTraffic did not pass the ping health check."
    world.sagemaker.end_update(status="Failed", FailureReason=reason)
    return event("endpoint_state_change")


def _stopped_while_deploying(previous):
    def prepare(world, event):
        world.start_execution()
        world.stop_execution()
        world.sagemaker.serve(config="old-config")
        world.sagemaker.serve(config=EXECUTION)
        Deployment.note(world.ledger, EXECUTION)
        Deployment.remember_previous(world.ledger, EXECUTION, previous)
        return {"Sweep": True}

    return prepare


def _failed_while_jobs_run(world, event):
    start_tuning_job.handler(event("start_tuning_job"), event.context)
    start_training_job.handler(event("start_training_job"), event.context)
    return event("report_outcome_failed")


def _make_unused(world, event):
    """Leave a model and an endpoint config that nothing uses."""
    step = DeployEndpointInput.model_validate(event("deploy_endpoint") | {"ExecutionName": "unused"})
    Deployment.note(world.ledger, "unused")
    aws.sagemaker().create_model(**requests.model_request(step, world.settings))
    aws.sagemaker().create_endpoint_config(**requests.endpoint_config_request(step, world.settings))


def accept(world, event):
    """Leave what the gate has accepted: the artifact, and its evaluation."""
    payload = event("register_model")
    evaluation = {"training_job_name": EXECUTION, "dataset_fingerprint": "f", "num_test_images": 4, "test_top1": 0.95}
    world.put(payload["Training"]["ModelDataUrl"].removeprefix("s3://retriever-data/"))
    world.put(payload["Evaluation"]["EvaluationS3Uri"].removeprefix("s3://retriever-data/"), json.dumps(evaluation))
    return payload


def _card_of_another_content(world, event):
    payload = accept(world, event)
    register_model.handler(payload, event.context)
    world.sagemaker.cards[EXECUTION]["Content"] = "{}"
    return payload


def _register_again(world, event):
    register_model.handler(accept(world, event) | {"ExecutionName": "flowers-ba9876543210-1"}, event.context)
    Run(EXECUTION, status=RunStatus.RUNNING, started_at="2026").note(world.ledger)
    return event("register_model")


def _failed_deployment(world, event):
    state = event("report_outcome_failed")["State"]
    model = register_model.handler(accept(world, event), event.context)
    Deployment.note(world.ledger, EXECUTION)
    _make_unused(world, event)
    world.sagemaker.serve(config=EXECUTION)
    world.sagemaker.end_update(status="Failed")
    state["Dataset"] |= {"ClassesS3Uri": "s3://retriever-data/classes.json"}
    state |= {name: {} for name in ("Features", "Tuning", "Training", "Evaluation")} | {"Model": model}
    return {**event("report_outcome_failed"), "State": state}


def _no_longer_served(world, event):
    """Leave a dataset whose execution succeeded, with all that deploys its model again, and no endpoint."""
    world.put_images("datasets/flowers/", daisy=1)
    world.put("datasets/flowers/_SUCCESS", "")
    name = start_execution.handler(event("s3_object_created_folder"), event.context)["ExecutionName"]
    world.stop_execution(name)
    Run(name, status=RunStatus.SUCCEEDED).report(world.ledger)
    Turn.give_back(world.ledger, name)
    state = event("report_outcome_succeeded")["State"]
    state["Model"] = register_model.handler(accept(world, event), event.context)
    world.sagemaker.packages[state["Model"]["ModelPackageArn"]]["ModelApprovalStatus"] = "Approved"
    world.put(f"runs/{name}/summary.json", json.dumps({"State": state}))
    for uri in (state["Training"]["ModelDataUrl"], state["Evaluation"]["EvaluationS3Uri"]):
        world.put(uri.removeprefix("s3://retriever-data/"))
    return {"Reason": "manual", "Dataset": "flowers"}


def _dropped(world, event):
    """Leave what no event announced, seen by one sweep already, and what starts nothing."""
    for key in ("datasets/flowers/_SUCCESS", "datasets/pets/cat/1.jpg", "pets.zip"):
        world.put(key)
        world.date(key, 60)
    start_execution.handler({"Sweep": True}, event.context)
    return {"Sweep": True}


def _arrived(world, event):
    """Copy a folder that settled long ago, of which one message tells, and another that a look is due."""
    world.put("datasets/pets/cat/1.jpg")
    world.date("datasets/pets/cat/1.jpg", 60)
    Drop.note(world.ledger, "pets", "2026-01-01T00:01:00.000+00:00")
    return event("sqs_arrivals")


def _deploy_shadow(world, event):
    world.start_execution()
    world.sagemaker.serve(config="old-config")
    return event("deploy_endpoint") | {"Shadow": True}


def _judge(world, event):
    world.put(f"captured/{EXECUTION}/retriever/AllTraffic/2026/11/30/00/0.jsonl", "no answer")
    return event("judge_shadow")


def idle(world, event):
    """Leave an endpoint that serves, is scaled, and has had no request for an hour; and let the sweep be due."""
    world.sagemaker.serve(config="old-config")
    Serving.note(world.ledger, "retriever", "old-config")
    world.sagemaker.endpoints["retriever"]["LastModifiedTime"] = datetime.now(UTC) - timedelta(hours=2)
    scaling.register(world.settings)
    scheduled_action(world, "nightly")
    return {"Sweep": True}


def _away(world, event):
    """Leave an endpoint that was taken away, which a prediction asks for."""
    idle(world, event)
    standby.handler({"Stop": True}, event.context)
    Standby.of(world.ledger, "retriever").change(world.ledger, {"by_hand": False})
    return {"Wake": True}


def _came_back(world, event):
    standby.handler(_away(world, event), event.context)
    world.sagemaker.end_update()
    return {"Sweep": True}


def _succeed(world, event):
    payload = event("report_outcome_succeeded")
    payload["State"]["Model"] = register_model.handler(accept(world, event), event.context)
    for name in ("old-config", EXECUTION):
        world.sagemaker.serve(config=name)
        Deployment.note(world.ledger, name)
    return payload


CASES = {
    "unpack_archive": Case(unpack_archive.handler, _unpack),
    "unpack_by_a_job": Case(_unpack_without_time, _unpack),
    "validate_dataset": Case(validate_dataset.handler, _validate),
    "compute_features": Case(compute_features.handler, _features),
    "start_tuning_job": Case(start_tuning_job.handler, lambda world, event: event("start_tuning_job")),
    "start_training_job": Case(start_training_job.handler, lambda world, event: event("start_training_job")),
    "evaluate_model": Case(evaluate_model.handler, _evaluate),
    "register_model": Case(register_model.handler, accept),
    "wait_for_approval": Case(wait_for_approval.handler, asked),
    "deploy_endpoint": Case(deploy_endpoint.handler, _deploy),
    "deploy_shadow": Case(deploy_endpoint.handler, _deploy_shadow),
    "judge_shadow": Case(judge_shadow.handler, _judge),
    "check_endpoint": Case(check_endpoint.handler, _check),
    "register_scaling": Case(register_scaling.handler, _register),
    "report_outcome": Case(report_outcome.handler, _fail),
    "report_success": Case(report_outcome.handler, _succeed),
    "start_execution": Case(start_execution.handler, _upload),
    "resume_execution": Case(resume_execution.handler, _resume),
    "standby": Case(standby.handler, idle),
}


class KilledError(BaseException):
    """The process is gone: nothing catches this."""


def calls_of(case, scene, chaos, lambda_context):
    """Return the operations of the handler's undisturbed run."""
    with scene(case) as (_, payload):
        chaos.plan(-1, None)
        case.handler(payload, lambda_context)
        return list(chaos.calls)


def each_kind_is_typed(case, at, operation, scene, chaos, lambda_context, kinds=KINDS):
    """Fail unless each of `kinds` of fault at the handler's call `at` ends in one of our classes, or in a result."""
    for fault in kinds:
        with scene(case) as (_, payload):
            chaos.plan(at, FAULTS[fault])
            try:
                case.handler(payload, lambda_context)
            except RetrieverError:
                continue
            except Exception as error:  # noqa: BLE001
                pytest.fail(f"{operation} with {fault}: {error!r} is none of ours")


ENDINGS: dict[str, tuple[Callable[[], Any], bool]] = {
    "killed before": (lambda: raises(KilledError()), False),
    "killed after": (lambda: raises(KilledError()), True),
    "never answered": (lambda: raises(ConnectionClosedError(endpoint_url=_URL)), True),
}
_READS = ("Describe", "Filter", "Get", "Head", "List", "Query", "Scan")


def only_reads(operation):
    """Return whether an account is the same after a call of `operation` as before it."""
    return operation.startswith(_READS)


def endings_at(at, operation):
    """Return the endings at the handler's call `at` that leave an account as no ending at another call does.

    Killed before a call is killed after the one before it; killed after a call that only reads is killed before it.
    """
    killed_before = ["killed before"] if at == 0 else []
    killed_after = [] if only_reads(operation) else ["killed after"]
    return [*killed_before, *killed_after, "never answered"]


def ended_at_each_call(case, scene, chaos, lambda_context):
    """Yield a world for each call and ending: killed before the call or after it, or carried out and never answered."""
    for at, operation in enumerate(calls_of(case, scene, chaos, lambda_context)):
        for ending in endings_at(at, operation):
            fault, carried_out = ENDINGS[ending]
            with scene(case) as (world, payload):
                world.sagemaker.shows_pending = False
                chaos.plan(at, fault, carried_out=carried_out)
                with contextlib.suppress(KilledError, RetrieverError):
                    case.handler(payload, lambda_context)
                assert chaos.calls[at] == operation
                chaos.plan(-1, None)
                yield f"{operation} {ending}", world, payload


def facts(world):
    """Return what an account holds, but for times and who claimed what."""
    fake, scaling = world.sagemaker, aws.autoscaling()
    targets = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    policies = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    return {
        "jobs": {name: job["TrainingJobStatus"] for name, job in fake.training_jobs.items()},
        "tuning jobs": {name: job["HyperParameterTuningJobStatus"] for name, job in fake.tuning_jobs.items()},
        "models and configs": ({*fake.models}, {*fake.endpoint_configs}),
        "endpoints": {name: (one["EndpointStatus"], one["EndpointConfigName"]) for name, one in fake.endpoints.items()},
        "packages": {arn: one["ModelApprovalStatus"] for arn, one in fake.packages.items()},
        "executions": world.executions(),
        "rows": {item["Id"]: _lasting(item) for item in world.table.items("")},
        "objects": world.keys(),
        "told": {json.dumps(answer, sort_keys=True) for answer in world.sent.answers},
        "targets": [(one["ResourceId"], one["MinCapacity"], one["MaxCapacity"]) for one in targets],
        "policies": sorted(one["PolicyName"] for one in policies),
    }


_TIMES = ("At", "Since", "Until")


def _lasting(item):
    passing = ("TakenBy", "ClaimedBy", "TriedBy", "Version")
    return {name: value for name, value in item.items() if name not in passing and not name.endswith(_TIMES)}


FOUND = {
    name: Rare(Case(handler, _finished_before(handler, name)), operations)
    for handler, name, operations in (
        (compute_features.handler, "compute_features", ("SendTaskSuccess",)),
        (start_tuning_job.handler, "start_tuning_job", ("SendTaskSuccess",)),
        (start_training_job.handler, "start_training_job", ("ListObjectsV2", "SendTaskSuccess")),
    )
}
RARE = {f"found_{name}": rare for name, rare in FOUND.items()} | {
    "approval": Rare(Case(resume_execution.handler, _waits), ("DescribeModelPackage", "UpdateItem", "SendTaskSuccess")),
    "card": Rare(Case(register_model.handler, _card_of_another_content), ("DescribeModelCard", "UpdateModelCard")),
    "card_of_approved": Rare(
        Case(resume_execution.handler, _card_of_an_approved_model),
        ("DescribeModelPackage", "DescribeModelCard", "UpdateModelCard"),
    ),
    "away": Rare(Case(standby.handler, _away), ("GetItem", "CreateEndpoint")),
    "came_back": Rare(Case(standby.handler, _came_back), ("RegisterScalableTarget", "PutScheduledAction")),
    "first_deployment": Rare(
        Case(deploy_endpoint.handler, lambda world, event: event("deploy_endpoint")), ("CreateEndpoint",)
    ),
    "champion": Rare(
        Case(start_training_job.handler, _train_beside_a_champion),
        ("DescribeEndpoint", "DescribeEndpointConfig", "DescribeModel", "ListObjectsV2"),
    ),
    "redeployment": Rare(
        Case(start_execution.handler, _no_longer_served), ("DescribeEndpoint", "DescribeModelPackage", "HeadObject")
    ),
    "sweep": Rare(Case(start_execution.handler, _dropped), ("ListObjectsV2", "HeadObject", "Publish")),
    "arrivals": Rare(Case(start_execution.handler, _arrived), ("SendMessage", "ListMultipartUploads")),
    "found_package": Rare(Case(register_model.handler, _register_again), ("GetItem", "DescribeModelPackage")),
    "repeated_deployment": Rare(Case(deploy_endpoint.handler, _deploy_again), ("DescribeModel",)),
    "failed_tuning": Rare(
        Case(resume_execution.handler, _failed_tuning),
        ("DescribeHyperParameterTuningJob", "ListTrainingJobsForHyperParameterTuningJob", "SendTaskFailure"),
    ),
    "tuning_in_one_job": Rare(
        Case(start_tuning_job.handler, lambda world, event: _on_features(event)), ("CreateTrainingJob",)
    ),
    "tuned_in_one_job": Rare(
        Case(resume_execution.handler, _tuned_in_one_job), ("DescribeTrainingJob", "HeadObject", "SendTaskSuccess")
    ),
    "unhealthy_deployment": Rare(
        Case(resume_execution.handler, _unhealthy_deployment), ("FilterLogEvents", "SendTaskFailure")
    ),
    "stopped_update": Rare(
        Case(resume_execution.handler, _stopped_while_deploying("old-config")), ("UpdateEndpoint", "DescribeExecution")
    ),
    "stopped_creation": Rare(Case(resume_execution.handler, _stopped_while_deploying("")), ("DeleteEndpoint",)),
    "running_jobs": Rare(
        Case(report_outcome.handler, _failed_while_jobs_run), ("StopHyperParameterTuningJob", "StopTrainingJob")
    ),
    "failed_deployment": Rare(
        Case(report_outcome.handler, _failed_deployment),
        ("DeleteEndpoint", "UpdateModelPackage", "DeleteEndpointConfig", "DeleteModel"),
    ),
}
