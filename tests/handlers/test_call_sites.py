"""The AWS calls that handlers make, read from their code: each of them meets every kind of fault in some test."""

import ast
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import botocore.session
import pytest
from botocore import xform_name

from handlers import deploy_endpoint, register_model, report_outcome, resume_execution, start_tuning_job
from handlers.endpoints import deployments
from tests.handlers.conftest import EXECUTION, HANDLERS
from tests.handlers.test_faults import CASES, Case, calls_of, each_kind_is_typed, scene  # noqa: F401 (a fixture)

_SERVICES = ("s3", "dynamodb", "sagemaker", "sagemaker-runtime", "stepfunctions", "application-autoscaling", "sns")
_PAGINATED = {
    "aws/objects.py": "ListObjectsV2",
    "ledger/table.py": "Scan",
    "endpoints/scaling.py": "DescribeScalingPolicies",
}


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


def _stopped_while_deploying(previous):
    def prepare(world, event):
        world.start_execution()
        world.stop_execution()
        world.sagemaker.serve(config="old-config")
        world.sagemaker.serve(config=EXECUTION)
        deployments.note(world.settings, EXECUTION)
        deployments.remember_previous(world.settings, EXECUTION, previous)
        return {"Sweep": True}

    return prepare


def _failed_deployment(world, event):
    state = event("report_outcome_failed")["State"]
    model = register_model.handler(event("register_model"), event.context)
    deployments.note(world.settings, EXECUTION)
    world.sagemaker.serve(config=EXECUTION)
    world.sagemaker.end_update(status="Failed")
    state["Dataset"] |= {"ClassesS3Uri": "s3://retriever-data/classes.json"}
    state |= {name: {} for name in ("Features", "Tuning", "Training", "Evaluation")} | {"Model": model}
    return {**event("report_outcome_failed"), "State": state}


RARE = {
    "first_deployment": Rare(
        Case(deploy_endpoint.handler, lambda world, event: event("deploy_endpoint")), ("CreateEndpoint",)
    ),
    "repeated_deployment": Rare(Case(deploy_endpoint.handler, _deploy_again), ("DescribeModel",)),
    "failed_tuning": Rare(
        Case(resume_execution.handler, _failed_tuning),
        ("DescribeHyperParameterTuningJob", "ListTrainingJobsForHyperParameterTuningJob", "SendTaskFailure"),
    ),
    "stopped_update": Rare(
        Case(resume_execution.handler, _stopped_while_deploying("old-config")), ("UpdateEndpoint", "DescribeExecution")
    ),
    "stopped_creation": Rare(Case(resume_execution.handler, _stopped_while_deploying("")), ("DeleteEndpoint",)),
    "failed_deployment": Rare(
        Case(report_outcome.handler, _failed_deployment),
        ("DeleteEndpoint", "UpdateModelPackage", "DeleteEndpointConfig", "DeleteModel"),
    ),
}


@pytest.mark.parametrize("name", RARE)
def test_every_fault_of_a_rare_call_is_typed(name, scene, chaos, lambda_context):  # noqa: F811
    """A fault at any of them ends in one of our classes, or in a result where the handler can do without."""
    case, operations = RARE[name]
    calls = calls_of(case, scene, chaos, lambda_context)
    places = [(at, operation) for at, operation in enumerate(calls) if operation in operations]
    assert len(places) >= len(operations)

    for at, operation in places:
        each_kind_is_typed(case, at, operation, scene, chaos, lambda_context)


def test_no_call_of_the_code_is_left_out(scene, chaos, lambda_context):  # noqa: F811
    """The calls that the cases of these tests make are those that the handlers' code contains."""
    chaos.sites.clear()
    for case in [*CASES.values(), *(rare.case for rare in RARE.values())]:
        calls_of(case, scene, chaos, lambda_context)

    assert sorted(call_sites() - chaos.sites) == []


def call_sites() -> set[tuple[str, str]]:
    """Return the files of handlers/ with the operations that each calls, as far as boto3 makes them."""
    return {
        (path.relative_to(HANDLERS).as_posix(), operation)
        for path in HANDLERS.rglob("*.py")
        if "prediction" not in path.parts  # it has a client of its own, and tests/handlers/test_aws_http.py
        for operation in _operations_in(ast.parse(path.read_text()), path.relative_to(HANDLERS).as_posix())
    }


def _operations_in(tree: ast.AST, file: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if node.attr == "get_paginator":
                yield _PAGINATED[file]
            elif node.attr in _operations():
                yield _operations()[node.attr]


@cache
def _operations() -> dict[str, str]:
    """Return the operations of the handlers' services by boto3's names for them."""
    session = botocore.session.get_session()
    named = {
        xform_name(one): one for service in _SERVICES for one in session.get_service_model(service).operation_names
    }
    return {name: one for name, one in named.items() if "_" in name or name == "publish"}
