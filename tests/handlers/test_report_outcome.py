"""handlers/report_outcome.py and records.py: what happened, in a sentence, and nothing left behind."""

import json
from pathlib import Path

import pytest

from handlers import aws
from handlers.contract import errors
from handlers.contract.bearing import STATES
from handlers.contract.names import shadow_config_name
from handlers.contract.states import ReportOutcomeInput
from handlers.endpoints import scaling, serving
from handlers.executions.records import failed_state, reason, record
from handlers.ledger import Deployment, Run, RunStatus, Serving, Token
from handlers.report_outcome import handler
from handlers.training_jobs.jobs import describe
from tests.handlers.environment import EXECUTION
from tests.handlers.published import published
from tests.handlers.stored import stored

_DEFINITION = Path(__file__).resolve().parents[2] / "statemachine" / "pipeline.asl.json"
_STATES = json.loads(_DEFINITION.read_text())["States"]
_RUN = [name for name in STATES if _STATES[name].get("ResultPath")]
_ARCHIVE = {"Name": "flowers", "S3Uri": "s3://retriever-data/datasets/flowers.zip"}
_ERRORS = sorted(
    {name for name in vars(errors) if name.endswith("Error")}
    | {error for state in _STATES.values() for retry in state.get("Retry", []) for error in retry["ErrorEquals"]}
    | {"States.Timeout", "States.TaskFailed", "States.DataLimitExceeded", "Lambda.Unknown", "Runtime.ExitError", ""}
)
_SUMMARY = f"s3://retriever-data/runs/{EXECUTION}/summary.json"
_TO_MODEL = ("Tuning", "Training", "Evaluation", "Model")
_TUNING = "flowers-0123456789-1"


def failed(event, error, cause, upto=("Features",)):
    """Return a failed execution that came as far as the results in `upto`."""
    payload = event("report_outcome_succeeded")
    state = {part: payload["State"][part] for part in ("Dataset", "Trigger", *upto)}
    return {**payload, "Status": "FAILED", "State": {**state, "Failure": {"Error": error, "Cause": cause}}}


def approved(event):
    """Return the state of an execution that a person was asked about."""
    state = event("report_outcome_succeeded")["State"]
    state["Model"] |= {"ApprovalSeconds": 259200}
    return state | {"Unpacking": {"TrainingJobName": ""}, "Approval": {"Words": "approved by ann: looked at it"}}


def _failed_with(state, error, cause):
    failure = {"Error": error, "Cause": cause}
    return ReportOutcomeInput(execution_name=EXECUTION, status="FAILED", state={**state, "Failure": failure})


def registered(world, payload):
    """Let the model package of a payload be there, as RegisterModel leaves it."""
    arn = payload["State"]["Model"]["ModelPackageArn"]
    world.sagemaker.packages[arn] = {"ClientToken": "x", "ModelApprovalStatus": "PendingManualApproval"}
    return payload


def test_success_is_recorded_and_told(world, event, lambda_context, capsys):
    """Run record, summary, notification and metrics all carry it."""
    Run(EXECUTION, status=RunStatus.RUNNING, started_at="2026-11-20T12:00:00+00:00").report(world.ledger)
    payload = registered(world, event("report_outcome_succeeded"))

    result = handler(payload, lambda_context)

    told = "dataset 'flowers': test accuracy 0.9500 on 4 images (threshold 0.9), endpoint 'retriever' serves the model"
    assert result == {"Status": "SUCCEEDED", "Reason": told, "Problems": []}
    run = stored(Run, world.ledger, EXECUTION)
    assert (run.status, run.reason, run.accuracy) == ("SUCCEEDED", told, 0.95)
    assert run.started_at == "2026-11-20T12:00:00+00:00"
    assert world.json(_SUMMARY)["State"]["Scaling"]["MaxCapacity"] == 4
    assert published(world) == [(f"retriever: succeeded {EXECUTION}", told)]
    metrics = json.loads(next(line for line in capsys.readouterr().out.splitlines() if "_aws" in line))
    assert (metrics["ExecutionsSucceeded"], metrics["TestAccuracy"]) == ([1.0], [0.95])


def test_success_says_that_training_broke_down(event, settings):
    """In status, in the notification and in summary.json, where a person reads the accuracy."""
    step = ReportOutcomeInput.model_validate(event("report_outcome_succeeded"))
    step.state["Evaluation"]["BrokeDownInEpoch"] = 7

    assert reason(step, settings).endswith(
        "; training broke down in epoch 7, and the model is of an epoch before, see `deploy.py report`"
    )


def test_the_record_says_by_what_the_model_answers(event, settings):
    """The engine and precision, and why, from the gate's result."""
    step = ReportOutcomeInput.model_validate(event("report_outcome_succeeded"))
    step.state["Evaluation"]["ServedBy"] = "int8 by openvino: int8 agrees with fp32"

    assert record(step, settings).served_by == "int8 by openvino: int8 agrees with fp32"


def test_success_removes_what_it_superseded(world, event, lambda_context):
    """The old config and model go; the new ones serve."""
    for name in ("old-config", EXECUTION):
        world.sagemaker.serve(config=name)
        Deployment.note(world.ledger, name)

    handler(event("report_outcome_succeeded"), lambda_context)

    assert list(world.sagemaker.models) == list(world.sagemaker.endpoint_configs) == [EXECUTION]
    assert stored(Serving, world.ledger, "retriever").execution_name == EXECUTION


def test_failure_is_recorded_with_its_state(world, event, lambda_context):
    """The Lambda's JSON becomes its sentence."""
    result = handler(event("report_outcome_failed"), lambda_context)

    assert result["Reason"] == (
        "dataset 'flowers': ValidateDataset: class 'rose' has too few images ('rose' has 1); "
        "at least 3 are needed to train on"
    )
    run = stored(Run, world.ledger, EXECUTION)
    assert (run.status, run.failed_state, run.error) == ("FAILED", "ValidateDataset", "DatasetError")


def test_failed_state_is_told_by_what_is_missing(event):
    """Catch gives no state name; each state that adds a part to the state data is told by it, in the order of a run."""
    whole = approved(event)
    so_far = {"Dataset": _ARCHIVE, "Trigger": whole["Trigger"]}

    for name in _RUN:
        assert failed_state(so_far) == name
        part = _STATES[name]["ResultPath"].removeprefix("$.")
        so_far = {**so_far, part: whole[part]}

    assert failed_state(so_far) == "ReportOutcome"


@pytest.mark.parametrize(
    ("error", "cause", "expected"),
    [
        ("TrainingJobFailedError", "training job 'a' ended Failed: bad", "training job 'a' ended Failed: bad"),
        ("States.Timeout", "", "did not end in time and was stopped; see log group /aws/lambda/retriever-start-"),
        ("Lambda.Unknown", '{"errorMessage": "Task timed out after 900.00 seconds"}',
         "Lambda.Unknown: Task timed out after 900.00 seconds; see log group /aws/lambda/retriever-start-tuning"),
        ("", "", "StartTuningJob: no error was given; see log group"),
    ],
)  # fmt: skip
def test_every_kind_of_failure_is_one_sentence(event, settings, error, cause, expected):
    """Ours as they are, AWS's with the log and the next step."""
    step = ReportOutcomeInput.model_validate(failed(event, error, cause))

    sentence = reason(step, settings)

    assert expected in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("error", _ERRORS)
def test_each_error_in_each_state_is_a_sentence_with_a_step(event, settings, error):
    """Every class of ours, of Lambda and of Step Functions, in every state that can fail: what, where, what next."""
    cause = json.dumps({"errorMessage": "job 'a' failed: bad; correct it", "errorType": error, "stackTrace": ["x"] * 9})
    whole = approved(event)
    so_far = {"Dataset": _ARCHIVE, "Trigger": whole["Trigger"]}

    for name in _RUN:
        sentence = reason(_failed_with(so_far, error, cause), settings)
        assert sentence.startswith(f"dataset 'flowers': {name}"), sentence
        assert sentence.isprintable(), sentence
        assert len(sentence) < 1200, sentence
        assert "; " in sentence, sentence
        so_far = {**so_far, (part := _STATES[name]["ResultPath"].removeprefix("$.")): whole[part]}


def test_failure_stops_running_jobs(world, event, lambda_context, sent):
    """A state that timed out leaves no job that bills on, and no token."""
    from handlers import start_training_job, start_tuning_job

    start_tuning_job.handler(event("start_tuning_job"), lambda_context)
    start_training_job.handler(event("start_training_job"), lambda_context)

    result = handler(failed(event, "States.Timeout", ""), lambda_context)

    assert result["Problems"] == []
    assert world.sagemaker.tuning_jobs[_TUNING]["HyperParameterTuningJobStatus"] == "Stopping"
    assert world.sagemaker.training_jobs[EXECUTION]["TrainingJobStatus"] == "Stopping"
    assert list(Token.all(world.ledger)) == []


def test_failure_leaves_the_serving_model_alone(world, event, lambda_context):
    """The old endpoint is untouched; the new config and model go."""
    for name in (EXECUTION, "old-config"):
        world.sagemaker.serve(config=name)
        Deployment.note(world.ledger, name)

    handler(
        failed(event, "EndpointFailedError", "rolled back", ("Tuning", "Training", "Evaluation", "Model")),
        lambda_context,
    )

    assert list(world.sagemaker.endpoint_configs) == ["old-config"]
    assert world.sagemaker.endpoints["retriever"]["EndpointConfigName"] == "old-config"


def test_failed_deployment_rejects_its_package(world, event, lambda_context):
    """Nobody takes it for the one in production."""
    payload = failed(
        event, "EndpointCheckError", "says rose", ("Features", "Tuning", "Training", "Evaluation", "Model", "Endpoint")
    )
    arn = registered(world, payload)["State"]["Model"]["ModelPackageArn"]

    assert handler(payload, lambda_context)["Problems"] == []

    assert world.sagemaker.packages[arn]["ModelApprovalStatus"] == "Rejected"
    assert "says rose" in world.sagemaker.packages[arn]["ApprovalDescription"]


def test_success_approves_its_package(world, event, lambda_context):
    """Only now it is known to serve."""
    payload = registered(world, event("report_outcome_succeeded"))

    handler(payload, lambda_context)

    (package,) = world.sagemaker.packages.values()
    assert package["ModelApprovalStatus"] == "Approved"


def test_the_gates_approval_says_so(world, event, lambda_context):
    """Nobody was asked: who looks at the version reads by what it was approved."""
    payload = registered(world, event("report_outcome_succeeded"))

    handler(payload, lambda_context)

    (package,) = world.sagemaker.packages.values()
    assert package["ApprovalDescription"].startswith("by the gate: dataset 'flowers': test accuracy 0.9500")


def test_a_persons_approval_stays_as_it_is(world, event, lambda_context):
    """What was said is in the record and in the mail, and the registry keeps it."""
    payload = registered(world, event("report_outcome_succeeded"))
    payload["State"] = approved(event)
    (package,) = world.sagemaker.packages.values()
    package |= {"ModelApprovalStatus": "Approved", "ApprovalDescription": "by ann: looked at it"}

    result = handler(payload, lambda_context)

    assert result["Problems"] == []
    assert result["Reason"].endswith("; approved by ann: looked at it")
    assert package["ApprovalDescription"] == "by ann: looked at it"
    assert stored(Run, world.ledger, EXECUTION).approval == "approved by ann: looked at it"


def test_a_model_rejected_while_it_was_deployed_stays_so(world, event, lambda_context):
    """It serves by then: the word is not overwritten, and the way out is said."""
    payload = registered(world, event("report_outcome_succeeded"))
    (package,) = world.sagemaker.packages.values()
    package |= {"ModelApprovalStatus": "Rejected", "ApprovalDescription": "by ann: on second thoughts"}

    (problem,) = handler(payload, lambda_context)["Problems"]

    assert "rejected by ann: on second thoughts" in problem
    assert "`deploy.py rollback` takes it out" in problem
    assert package["ModelApprovalStatus"] == "Rejected"


def _unanswered(world, event, error, cause=""):
    payload = failed(event, error, cause, ("Features", "Tuning", "Training", "Evaluation", "Model"))
    payload["State"]["Model"] |= {"ApprovalSeconds": 259200}
    return registered(world, payload)


def test_nobodys_approval_is_one_sentence(world, event, lambda_context):
    """How long, by which parameter, and what to do; the package cannot be approved into nothing afterwards."""
    payload = _unanswered(world, event, "States.Timeout")

    result = handler(payload, lambda_context)

    assert result["Reason"].startswith(
        "dataset 'flowers': WaitForApproval: nobody approved the model within 72 hours (ApprovalTimeoutHours), so it is"
    )
    (package,) = world.sagemaker.packages.values()
    assert package["ModelApprovalStatus"] == "Rejected"
    assert "nobody approved the model" in package["ApprovalDescription"]


def test_a_persons_no_ends_the_run_and_stays(world, event, lambda_context):
    """The sentence is the record's; no endpoint is touched, and the words in the registry are the person's."""
    world.sagemaker.serve()
    payload = _unanswered(world, event, "ModelRejectedError", "version 1 of the model was rejected by ann: too blurry")
    (package,) = world.sagemaker.packages.values()
    package |= {"ModelApprovalStatus": "Rejected", "ApprovalDescription": "by ann: too blurry"}

    result = handler(payload, lambda_context)

    assert result["Problems"] == []
    assert "WaitForApproval: version 1 of the model was rejected by ann: too blurry" in result["Reason"]
    assert package["ApprovalDescription"] == "by ann: too blurry"
    assert "UpdateEndpoint" not in world.sagemaker.operations()


def test_a_package_deleted_while_it_waited_is_no_problem(world, event, lambda_context):
    """There is nothing to reject any more."""
    payload = _unanswered(world, event, "ModelNotApprovedError", "model package 'x' no longer exists")
    world.sagemaker.packages.clear()

    assert handler(payload, lambda_context)["Problems"] == []


def test_failure_after_the_check_leaves_its_package_open(world, event, lambda_context):
    """The model serves, and the execution has failed: a person decides."""
    payload = registered(world, event("report_outcome_succeeded"))
    del payload["State"]["Scaling"]
    failure = {"Failure": {"Error": "AwsThrottledError", "Cause": "slower"}}

    handler({**payload, "Status": "FAILED", "State": payload["State"] | failure}, lambda_context)

    (package,) = world.sagemaker.packages.values()
    assert package["ModelApprovalStatus"] == "PendingManualApproval"


def test_report_of_a_report_that_failed_is_a_success(world, event, lambda_context):
    """The model was deployed, checked and scaled; that no one heard of it does not undo that."""
    payload = registered(world, event("report_outcome_succeeded"))
    failure = {"Failure": {"Error": "Runtime.ExitError", "Cause": "killed"}}

    result = handler({**payload, "Status": "FAILED", "State": payload["State"] | failure}, lambda_context)

    assert (result["Status"], result["Problems"]) == ("SUCCEEDED", [])
    assert stored(Run, world.ledger, EXECUTION).status == RunStatus.SUCCEEDED


def test_endpoint_that_never_came_up_is_deleted(world, event, lambda_context):
    """A failed endpoint cannot be updated, so the next run would fail on it."""
    world.sagemaker.serve(config=EXECUTION)
    world.sagemaker.endpoints["retriever"]["EndpointStatus"] = "Failed"
    Deployment.note(world.ledger, EXECUTION)

    handler(
        failed(event, "EndpointFailedError", "no capacity", ("Tuning", "Training", "Evaluation", "Model")),
        lambda_context,
    )

    assert describe("endpoint", "retriever") is None
    assert world.sagemaker.models == world.sagemaker.endpoint_configs == {}


def test_failure_gives_scaling_back(world, event, lambda_context):
    """Taken away before a change of instance type, restored after the update failed."""
    world.sagemaker.serve()
    scaling.register(world.settings)
    scaling.take_away(world.ledger, world.settings)

    handler(
        failed(event, "EndpointFailedError", "rolled back", ("Tuning", "Training", "Evaluation", "Model")),
        lambda_context,
    )

    policies = aws.autoscaling().describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert [policy["PolicyName"] for policy in policies] == ["retriever-invocations"]


def test_problems_of_the_report_do_not_hide_the_failure(world, event, lambda_context):
    """Its own errors are listed beside the original one, and every other step is taken."""
    world.sagemaker.faults.update(DescribeTrainingJob="ThrottlingException", DescribeEndpoint="InternalFailure")

    result = handler(event("report_outcome_failed"), lambda_context)

    assert result["Reason"].startswith("dataset 'flowers': ValidateDataset: class 'rose'")
    assert [problem.partition(":")[0] for problem in result["Problems"]] == [
        "running jobs were not stopped",
        "the failed endpoint was not deleted",
        "unused models and endpoint configs were not removed",
        "what its jobs cost was not found out",
    ]
    run = stored(Run, world.ledger, EXECUTION)
    assert run.problems == result["Problems"]
    assert (run.bills, run.dollars) == (None, None)


def test_lost_table_and_topic_do_not_hide_the_failure(world, event, lambda_context):
    """Even then the summary is written and the handler returns."""
    aws.dynamodb().delete_table(TableName=world.settings.table_name)
    aws.sns().delete_topic(TopicArn=world.settings.topic_arn)

    result = handler(event("report_outcome_failed"), lambda_context)

    assert result["Status"] == "FAILED"
    assert any("run record was not written: UpdateItem: ResourceNotFound" in problem for problem in result["Problems"])
    assert any("notification was not sent" in problem for problem in result["Problems"])
    assert world.json(_SUMMARY)["Status"] == "FAILED"


def test_a_bug_in_a_step_does_not_hide_the_failure(world, event, lambda_context, monkeypatch):
    """Whatever it raises, the execution's own outcome is reported."""
    monkeypatch.setattr(serving, "remove_unused", lambda *_: dict[str, str]()["surprise"])

    result = handler(event("report_outcome_failed"), lambda_context)

    assert result["Problems"] == ["unused models and endpoint configs were not removed: KeyError('surprise')"]


def test_state_without_a_dataset_is_reported_too(world, lambda_context):
    """An execution started by hand with the wrong input."""
    payload = {
        "ExecutionName": "by-hand",
        "Status": "FAILED",
        "State": {"Failure": {"Error": "States.Runtime", "Cause": "x"}},
    }

    assert handler(payload, lambda_context)["Reason"].startswith(
        "dataset '': ValidateDataset: States.Runtime: x; see log"
    )


def test_a_run_without_a_shadow_did_not_fail_at_its_verdict(event):
    """Where nothing is copied no verdict is missing, and a model that has served is never a shadow."""
    state = dict(event("report_outcome_succeeded")["State"])
    for part in ("Verdict", "Endpoint", "Check", "Scaling"):
        state.pop(part)

    assert failed_state(state) == "JudgeShadow"
    assert failed_state(state | {"Shadow": {"Reason": "none is asked for"}}) == "DeployEndpoint"
    state.pop("Shadow")
    assert failed_state(state) == "DeployShadow"
    assert failed_state(state | {"Trigger": {"Redeploys": "a"}}) == "DeployEndpoint"


def test_the_verdict_of_the_shadow_is_in_the_reason(event, settings):
    """Status, record and notification tell how both models answered the same requests."""
    payload = event("report_outcome_succeeded")
    payload["State"]["Verdict"]["Words"] = "the shadow named the class for 97 of 100 requests"

    told = reason(ReportOutcomeInput.from_event(payload), settings)

    assert told.endswith("; the shadow named the class for 97 of 100 requests")


def test_a_refused_shadow_is_taken_out_and_its_package_rejected(world, event, lambda_context, monkeypatch):
    """The endpoint goes back to what served without it, before the report is told."""
    payload = event("report_outcome_succeeded") | {"Status": "FAILED"}
    for part in ("Verdict", "Endpoint", "Check", "Scaling"):
        payload["State"].pop(part)
    cause = json.dumps({"errorMessage": "the shadow named the class for 4 of 100 requests"})
    payload["State"]["Failure"] = {"Error": "ShadowRefusedError", "Cause": cause}
    config = shadow_config_name(EXECUTION)
    world.sagemaker.serve(config="old-config")
    world.sagemaker.serve(config=config)
    Deployment.note_shadow(world.ledger, config, EXECUTION)
    Deployment.remember_previous(world.ledger, config, "old-config")
    monkeypatch.setattr("handlers.endpoints.cleanup.SET_BACK_SECONDS", 0.0)  # nothing ends the update here

    outcome = handler(registered(world, payload), lambda_context)

    assert world.sagemaker.request("UpdateEndpoint")["EndpointConfigName"] == "old-config"
    (package,) = world.sagemaker.packages.values()
    assert package["ModelApprovalStatus"] == "Rejected"
    assert "JudgeShadow: the shadow named the class for 4 of 100 requests" in outcome["Reason"]
