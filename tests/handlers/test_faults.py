"""Every AWS call of every handler, with every fault, and as the last one: typed outcomes, and no orphans."""

import json

import pytest

from handlers import register_scaling, report_outcome, resume_execution
from handlers.contract.errors import AwsError
from handlers.endpoints import scaling
from handlers.ledger import Token, events, tokens
from tests.handlers.cases import CASES, FAULTS, FOUND, KINDS, RARE, calls_of, each_kind_is_typed, ended_at_each_call
from tests.handlers.environment import EXECUTION
from tests.handlers.paying import paid
from tests.handlers.stored import turn


def test_ten_faults_are_five_kinds(world, chaos):
    """Each fault becomes the class, and the special code, of one of those that meet every call site."""
    kinds = {}
    for name, act in FAULTS.items():
        chaos.plan(0, act)
        with pytest.raises(AwsError, match="GetItem: ") as caught:  # any of its classes, told apart below
            world.table.get("x")
        code = caught.value.code if caught.value.code == "ValidationException" else ""
        kinds[name] = (type(caught.value), code)
    chaos.plan(-1, None)

    assert set(kinds.values()) == {kinds[name] for name in KINDS}
    assert len(FAULTS) == 10


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_fault_of_every_call_is_typed(name, scene, chaos, lambda_context):
    """A fault at any call site ends in one of our classes, or in a result where the handler can do without.

    An operation meets every kind when it is called first, and one kind, in turn, each further time.
    """
    case = CASES[name]
    operations = calls_of(case, scene, chaos, lambda_context)
    assert operations

    for at, operation in enumerate(operations):
        kinds = [KINDS[at % len(KINDS)]] if operation in operations[:at] else KINDS
        each_kind_is_typed(case, at, operation, scene, chaos, lambda_context, kinds)


@pytest.mark.parametrize("name", ["unpack_by_a_job", "compute_features", "start_tuning_job", "start_training_job"])
def test_killed_start_leads_to_one_job_that_is_waited_for(name, scene, chaos, lambda_context):
    """The state is retried with a new token, wherever the first try ended."""
    case = CASES[name]
    for operation, world, payload in ended_at_each_call(case, scene, chaos, lambda_context):
        case.handler({**payload, "TaskToken": "second"}, lambda_context)

        assert len(world.sagemaker.tuning_jobs) + len(world.sagemaker.training_jobs) == 1, operation
        assert [token.task_token for token in Token.all(world.ledger)] == ["second"], operation


@pytest.mark.parametrize("name", FOUND)
def test_killed_reuse_pays_for_nothing(name, scene, chaos, lambda_context):
    """Wherever the first try ended, the second goes on with what was found, and no job is started."""
    case = FOUND[name].case
    for operation, world, payload in ended_at_each_call(case, scene, chaos, lambda_context):
        before = paid(world)
        case.handler({**payload, "TaskToken": "second"}, lambda_context)

        assert paid(world) == before, operation
        told = world.sent.answers[-1]
        assert (told[0], told[1]["taskToken"]) == ("SendTaskSuccess", "second"), operation
        assert json.loads(told[1]["output"])["FoundIn"] == "flowers-ba9876543210-1", operation
        assert list(Token.all(world.ledger)) == [], operation


def test_a_killed_shadow_is_met_by_the_retry(scene, chaos, event, lambda_context):
    """One update, and what served before is known, wherever the first try ended."""
    case = CASES["deploy_shadow"]
    for operation, world, payload in ended_at_each_call(case, scene, chaos, lambda_context):
        case.handler({**payload, "TaskToken": "second"}, lambda_context)
        world.sagemaker.end_update()
        resume_execution.handler(event("endpoint_state_change"), lambda_context)

        output = json.loads(world.sent.answers[-1][1]["output"])
        assert output["PreviousEndpointConfigName"] == "old-config", operation
        assert world.sagemaker.operations().count("UpdateEndpoint") == 1, operation


def test_killed_deployment_is_finished_by_the_retry(scene, chaos, event, lambda_context):
    """One update, scaling restored in the end, and no config or model but the one that serves."""
    case = CASES["deploy_endpoint"]
    for operation, world, payload in ended_at_each_call(case, scene, chaos, lambda_context):
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
    for operation, world, _ in ended_at_each_call(case, scene, chaos, lambda_context):
        if world.sagemaker.endpoints["retriever"]["EndpointStatus"] == "Updating":
            world.sagemaker.end_update(FailureReason="rolled back")
        failed = event("report_outcome_failed")
        report_outcome.handler(failed, lambda_context)

        assert set(world.sagemaker.models) == set(world.sagemaker.endpoint_configs) == {"old-config"}, operation
        assert scaling.take_away(world.ledger, world.settings), operation
        assert list(Token.all(world.ledger)) == [], operation


def test_killed_start_of_an_execution_is_made_good(scene, chaos, lambda_context, monkeypatch):
    """Lambda delivers the event once more after a minute: one execution, wherever the first delivery ended."""
    case = CASES["start_execution"]
    for operation, world, payload in ended_at_each_call(case, scene, chaos, lambda_context):
        with monkeypatch.context() as patch:
            patch.setattr(events, "CLAIM_SECONDS", -2)
            case.handler(payload, lambda_context)

        assert len(world.executions()) == 1, operation
        assert turn(world.ledger).execution_name == world.executions()[0], operation


def test_killed_resumption_is_made_good_by_the_sweep(scene, chaos, lambda_context, monkeypatch):
    """The state is told, and the token is gone, wherever the first invocation ended."""
    case = CASES["resume_execution"]
    for operation, world, _ in ended_at_each_call(case, scene, chaos, lambda_context):
        with monkeypatch.context() as patch:
            patch.setattr(tokens, "CLAIM_SECONDS", -2)
            resume_execution.handler({"Sweep": True}, lambda_context)

        assert {params["taskToken"] for _, params in world.sent.answers} == {"AQCEAAAAKgAAAAMAAAAAAAAAAeXAMPLETOKEN"}
        assert list(Token.all(world.ledger)) == [], operation


def test_killed_state_registers_no_model_twice(scene, chaos, lambda_context):
    """What an earlier execution has registered for the same model is taken, wherever the first try ended."""
    case = RARE["found_package"].case
    for operation, world, payload in ended_at_each_call(case, scene, chaos, lambda_context):
        arn = case.handler(payload, lambda_context)["ModelPackageArn"]

        assert list(world.sagemaker.packages) == [arn], operation


_REPEATABLE = ["validate_dataset", "evaluate_model", "register_model", "check_endpoint", "register_scaling"]


@pytest.mark.parametrize("name", [*_REPEATABLE, "report_outcome", "report_success"])
def test_killed_state_can_be_repeated(name, scene, chaos, lambda_context):
    """The second try ends as the first would have, and a model is registered once."""
    case = CASES[name]
    with scene(case) as (_, payload):
        expected = case.handler(payload, lambda_context)

    for operation, world, payload in ended_at_each_call(case, scene, chaos, lambda_context):
        assert case.handler(payload, lambda_context) == expected, operation
        assert len(world.sagemaker.packages) <= 1, operation
