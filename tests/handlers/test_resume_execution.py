"""handlers/resume_execution.py with waiting.py and outcomes.py: each waiting state is told once, whatever happens."""

import json
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from handlers import aws, start_training_job, start_tuning_job, wait_for_approval
from handlers.contract.errors import AwsThrottledError, AwsUnavailableError
from handlers.executions import waiting
from handlers.executions.outcomes import SETTLING_SECONDS
from handlers.ledger import Ledger, Run, Token
from handlers.ledger.tokens import CLAIM_SECONDS
from handlers.resume_execution import handler
from tests.handlers.cases import asked
from tests.handlers.environment import EXECUTION
from tests.handlers.stored import stored

_TUNING = "flowers-0123456789-1"


@pytest.fixture
def training(world, sent, event, lambda_context):
    """Start the training job of a running execution."""
    world.start_execution()
    start_training_job.handler(event("start_training_job"), lambda_context)
    return event("training_job_state_change")


@pytest.fixture
def tuning(world, sent, event, lambda_context):
    """Start the tuning job of a running execution."""
    world.start_execution()
    start_tuning_job.handler(event("start_tuning_job"), lambda_context)
    return event("tuning_job_state_change")


@pytest.fixture
def deploying(world, sent, event):
    """Wait for an endpoint that goes from old-config to this execution's."""
    world.start_execution()
    world.sagemaker.serve(config=EXECUTION)
    world.sagemaker.serve(config="old-config")

    def update():
        endpoint = world.sagemaker.endpoints["retriever"]
        endpoint.update(EndpointStatus="Updating", PendingDeploymentSummary={"EndpointConfigName": EXECUTION})

    waiting.start(world.ledger, deployment_token(world), update)
    return event("endpoint_state_change")


def deployment_token(world):
    step = SimpleNamespace(execution_name=EXECUTION, task_token="T")
    configs = {"endpoint_config_name": EXECUTION, "previous_endpoint_config_name": "old-config"}
    return waiting.token_of(world.settings, "endpoint", "retriever", step, **configs)


@pytest.fixture
def approval(world, sent, event, lambda_context):
    """Let a running execution wait for the approval of its package; give the event of the package's change."""
    world.start_execution()
    payload = asked(world, event)
    world.sagemaker.packages[payload["Model"]["ModelPackageArn"]] = {
        "ClientToken": "x",
        "ModelPackageVersion": 1,
        "ModelApprovalStatus": "PendingManualApproval",
    }
    wait_for_approval.handler(payload, lambda_context)
    return event("model_package_state_change")


def judge(world, status, **members):
    (package,) = world.sagemaker.packages.values()
    package |= {"ModelApprovalStatus": status, **members}


def output_of(sent):
    operation, params = sent.answers[-1]
    assert operation == "SendTaskSuccess"
    return json.loads(params["output"])


def failure_of(sent):
    operation, params = sent.answers[-1]
    assert operation == "SendTaskFailure"
    return params["error"], params["cause"]


def test_completed_training_job_resumes_with_its_artifacts(world, training, sent, lambda_context):
    """The state gets what the next ones need."""
    world.sagemaker.complete_training_job(EXECUTION)

    handler(training, lambda_context)

    assert output_of(sent) == {
        "TrainingJobName": EXECUTION,
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{EXECUTION}",
        "ModelDataUrl": f"s3://retriever-data/runs/{EXECUTION}/training/{EXECUTION}/output/model.tar.gz",
        "OutputS3Uri": f"s3://retriever-data/runs/{EXECUTION}/training/{EXECUTION}/output/output.tar.gz",
        "BillableSeconds": 61,
        "FoundIn": "",
    }


def test_completed_tuning_job_resumes_with_best_hyperparameters(world, tuning, sent, lambda_context):
    """Only the tuned ones, as text."""
    world.sagemaker.complete_tuning_job(_TUNING, lr="0.01", batch_size="32")

    handler(tuning, lambda_context)

    output = output_of(sent)
    assert output["HyperParameters"] == {"lr": "0.01", "batch_size": "32"}
    assert (output["BestObjective"], output["NumTrainingJobs"]) == (0.9375, 4)
    assert output["BestTrainingJobName"] == f"{_TUNING}-001-0badcafe"


def test_failed_training_job_fails_the_state_in_words(world, training, sent, lambda_context):
    """The class that Catch sees, and one sentence."""
    reason = 'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: bad lr"\nCommand "x"'
    world.sagemaker.training_jobs[EXECUTION].update(TrainingJobStatus="Failed", FailureReason=reason)

    handler(training, lambda_context)

    error, cause = failure_of(sent)
    assert error == "TrainingJobFailedError"
    assert cause.startswith(f"training job '{EXECUTION}' ended Failed: ValueError: bad lr; see log group")


def test_failed_tuning_job_tells_the_trials_reason(world, tuning, sent, lambda_context):
    """The last failed trial says why."""
    world.sagemaker.fail_tuning_job(_TUNING, "AlgorithmError: ErrorMessage \"KeyError: 'lr'\"")

    handler(tuning, lambda_context)

    error, cause = failure_of(sent)
    assert error == "TuningJobFailedError"
    assert "failed with KeyError: 'lr'" in cause


def test_tuning_job_without_objective_fails(world, tuning, sent, lambda_context):
    """Completed without a best training job is no success."""
    world.sagemaker.complete_tuning_job(_TUNING)
    del world.sagemaker.tuning_jobs[_TUNING]["BestTrainingJob"]

    handler(tuning, lambda_context)

    assert failure_of(sent)[0] == "TuningJobFailedError"


def test_running_job_is_left_alone(world, training, sent, lambda_context):
    """Events come for every change of status."""
    assert handler(training, lambda_context)["Result"] == "it goes on"
    assert sent.answers == []


def test_event_nobody_waits_for_does_nothing(world, event, sent, lambda_context):
    """Trials of a tuning job send events too."""
    assert handler(event("training_job_state_change"), lambda_context)["Result"] == "nothing waits for it"


def test_duplicate_events_answer_once(world, training, sent, lambda_context):
    """SageMaker may send several events for one change."""
    world.sagemaker.complete_training_job(EXECUTION)

    for _ in range(3):
        handler(training, lambda_context)

    assert len(sent.answers) == 1


def test_concurrent_events_answer_once(world, training, sent):
    """Ten at once: one claims the token."""
    world.sagemaker.complete_training_job(EXECUTION)
    arn = training["detail"]["TrainingJobArn"]
    threads = [threading.Thread(target=waiting.resolve, args=(Ledger(world.settings), arn)) for _ in range(10)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(sent.answers) == 1


def test_arn_is_found_in_lower_case(world, training, sent, lambda_context):
    """SageMaker lowers the case of names in ARNs; the token is found all the same."""
    world.sagemaker.complete_training_job(EXECUTION)
    training["detail"]["TrainingJobArn"] = training["detail"]["TrainingJobArn"].replace("flowers", "FLOWERS")

    handler(training, lambda_context)

    assert len(sent.answers) == 1


@pytest.mark.parametrize("code", ["TaskTimedOut", "InvalidToken", "TaskDoesNotExist"])
def test_token_of_an_ended_state_is_dropped(world, training, sent, lambda_context, code):
    """The state timed out or was stopped: nothing is left to tell."""
    world.sagemaker.complete_training_job(EXECUTION)
    sent.fault = code

    handler(training, lambda_context)

    assert list(Token.all(world.ledger)) == []


def test_failed_answer_is_given_again(world, training, sent, lambda_context):
    """The claim is released, so the repeated invocation need not wait for it to run out."""
    world.sagemaker.complete_training_job(EXECUTION)
    sent.fault = "ThrottlingException"
    with pytest.raises(AwsThrottledError, match="SendTaskSuccess"):
        handler(training, lambda_context)
    sent.fault = ""

    handler(training, lambda_context)

    assert len(sent.answers) == 1


def test_crash_after_the_claim_is_made_good(world, training, sent, lambda_context, monkeypatch):
    """A claim without an answer runs out, and the sweep answers."""
    world.sagemaker.complete_training_job(EXECUTION)
    token = next(Token.all(world.ledger))
    assert token.claim(world.ledger)
    handler(training, lambda_context)
    assert sent.answers == []
    later = time.time() + CLAIM_SECONDS + 2
    monkeypatch.setattr(time, "time", lambda: later)

    assert handler({"Sweep": True}, lambda_context)["Resolved"] == 1
    assert len(sent.answers) == 1


def test_sweep_resolves_what_no_event_reported(world, training, sent, lambda_context):
    """The event was lost; the job has ended."""
    world.sagemaker.complete_training_job(EXECUTION)

    counts = handler({"Sweep": True}, lambda_context)

    assert counts == {"Waiting": 0, "Resolved": 1, "Dropped": 0, "Problems": 0, "Repaired": 0}
    assert len(sent.answers) == 1


def test_sweep_leaves_running_jobs_alone(world, training, sent, lambda_context):
    """Nothing has ended."""
    assert handler({"Sweep": True}, lambda_context)["Waiting"] == 1


def test_sweep_stops_jobs_of_ended_executions(world, training, sent, lambda_context):
    """An execution stopped by hand leaves no job that bills on."""
    world.stop_execution()

    assert handler({"Sweep": True}, lambda_context)["Dropped"] == 1
    assert world.sagemaker.training_jobs[EXECUTION]["TrainingJobStatus"] == "Stopping"
    assert list(Token.all(world.ledger)) == []


def test_sweep_goes_on_after_a_problem(world, training, sent, event, lambda_context):
    """One token in trouble does not keep the others waiting."""
    start_tuning_job.handler(event("start_tuning_job"), lambda_context)
    world.sagemaker.complete_training_job(EXECUTION)
    world.sagemaker.faults["DescribeHyperParameterTuningJob"] = "InternalFailure"

    counts = handler({"Sweep": True}, lambda_context)

    assert (counts["Problems"], counts["Resolved"]) == (1, 1)


def test_vanished_job_is_a_failure_in_words(world, training, sent, lambda_context):
    """SageMaker forgot it, or someone did."""
    world.sagemaker.training_jobs.clear()
    _age_tokens(world)

    handler(training, lambda_context)

    assert failure_of(sent) == (
        "TrainingJobFailedError",
        f"training job '{EXECUTION}' no longer exists; it was deleted while the execution waited for it, "
        f"start the execution again",
    )


def test_job_that_a_description_misses_has_not_vanished(world, training, sent, lambda_context):
    """What was just made is not known everywhere yet: nothing is said until a minute has passed."""
    jobs = dict(world.sagemaker.training_jobs)
    world.sagemaker.training_jobs.clear()

    handler(training, lambda_context)
    assert sent.answers == []

    world.sagemaker.training_jobs.update(jobs)
    world.sagemaker.complete_training_job(EXECUTION)
    handler(training, lambda_context)
    assert len(sent.answers) == 1


def _age_tokens(world):
    """Let every token be older than what AWS needs to know its job everywhere."""
    for token in Token.all(world.ledger):
        token.change(world.ledger, {"created_at": token.created_at - SETTLING_SECONDS - 1})


def test_job_that_is_not_there_yet_has_not_vanished(world, sent, event, lambda_context):
    """The sweep may come between the token and CreateTrainingJob."""
    world.start_execution()
    results = []
    world.sagemaker.before["CreateTrainingJob"] = lambda: results.append(handler({"Sweep": True}, lambda_context))

    start_training_job.handler(event("start_training_job"), lambda_context)

    assert results[0]["Waiting"] == 1
    assert sent.answers == []


def test_deployed_endpoint_resumes_with_both_configs(world, deploying, sent, lambda_context):
    """The previous config is kept for a way back."""
    world.sagemaker.end_update()

    handler(deploying, lambda_context)

    assert output_of(sent) == {
        "EndpointName": "retriever",
        "EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/retriever",
        "EndpointConfigName": EXECUTION,
        "PreviousEndpointConfigName": "old-config",
        "VariantName": "AllTraffic",
    }


def test_endpoint_that_still_changes_is_waited_for(world, deploying, sent, lambda_context):
    """Updating is not an outcome."""
    assert handler(deploying, lambda_context)["Result"] == "it goes on"


def test_rolled_back_endpoint_fails_the_state(world, deploying, sent, lambda_context):
    """InService with the old config is no success."""
    world.sagemaker.end_update(FailureReason="Alarm retriever-5xx tripped.")

    handler(deploying, lambda_context)

    error, cause = failure_of(sent)
    assert error == "EndpointFailedError"
    assert cause.startswith(
        f"endpoint 'retriever' was rolled back to 'old-config' while '{EXECUTION}' was deployed: "
        f"Alarm retriever-5xx tripped; the old model serves on"
    )


def test_a_refused_golden_picture_is_told_by_the_state(world, deploying, sent, lambda_context):
    """SageMaker says that the container was not healthy; its log says why, behind what the model server writes."""
    group, stream = "/aws/sagemaker/Endpoints/retriever", "AllTraffic/i-1"
    logs = aws.cloudwatch_logs()
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    lines = ["ready", "[INFO ] W-9000 MODEL_LOG - golden picture 'a.jpg': expected 'cat' with 0.9, seen 'dog' with 0.8"]
    events: Any = [{"timestamp": int(time.time() * 1000) + 1000, "message": line} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    world.sagemaker.end_update(FailureReason="The primary container did not pass the ping health check.")

    handler(deploying, lambda_context)

    assert (
        f"while '{EXECUTION}' was deployed: golden picture 'a.jpg': expected 'cat' with 0.9, seen 'dog' with 0.8; the "
        "old model serves on" in failure_of(sent)[1]
    )


def test_endpoint_deleted_meanwhile_fails_the_state(world, deploying, sent, lambda_context):
    """Someone deleted it by hand."""
    world.sagemaker.endpoints.clear()
    _age_tokens(world)

    handler(deploying, lambda_context)

    assert failure_of(sent)[1].startswith("endpoint 'retriever' no longer exists; it was deleted while")


def test_old_config_before_the_update_is_no_rollback(world, sent, event, lambda_context):
    """An event of an earlier update may arrive between the token and UpdateEndpoint."""
    world.start_execution()
    world.sagemaker.serve()
    results = []

    waiting.start(
        world.ledger,
        deployment_token(world),
        lambda: results.append(handler(event("endpoint_state_change"), lambda_context)),
    )

    assert results[0]["Result"] == "it goes on"
    assert sent.answers == []


@pytest.mark.parametrize("bad", [{}, {"detail-type": "SageMaker Model State Change", "detail": {}}])
def test_other_events_are_refused(world, lambda_context, bad):
    """A rule that matches too much shows in the DLQ."""
    with pytest.raises(ValueError, match="expected one of SageMaker Training Job State Change"):
        handler(bad, lambda_context)


def test_unreachable_sagemaker_is_typed(world, training, sent, lambda_context):
    """Lambda repeats the event; the token stays."""
    world.sagemaker.faults["DescribeTrainingJob"] = "ServiceUnavailable"

    with pytest.raises(AwsUnavailableError, match="DescribeTrainingJob"):
        handler(training, lambda_context)
    assert len(list(Token.all(world.ledger))) == 1


def test_an_approved_package_lets_the_run_go_on(world, approval, sent, lambda_context):
    """Who said it and why goes with the state, and into the record, which waits no more."""
    judge(world, "Approved", ApprovalDescription="by ann: looked at it")

    handler(approval, lambda_context)

    assert output_of(sent) == {"Words": "approved by ann: looked at it"}
    run = stored(Run, world.ledger, EXECUTION)
    assert (run.approval, run.waits_for_approval, run.rejected_at) == ("approved by ann: looked at it", False, None)


def test_whoever_approves_in_the_console_is_named(world, approval, sent, lambda_context):
    """The console asks for no reason, and SageMaker knows who it was."""
    judge(world, "Approved", LastModifiedBy={"IamIdentity": {"Arn": "arn:aws:iam::1:user/ann"}})

    handler(approval, lambda_context)

    assert output_of(sent) == {"Words": "approved by arn:aws:iam::1:user/ann: no reason was given"}


def test_a_rejected_package_ends_the_run_in_words(world, approval, sent, lambda_context):
    """As the gate's no does; its content does not come back by itself."""
    judge(world, "Rejected", ApprovalDescription="by ann: too blurry")

    handler(approval, lambda_context)

    error, cause = failure_of(sent)
    assert error == "ModelRejectedError"
    assert cause.startswith("version 1 of the model was rejected by ann: too blurry; it is not deployed")
    assert stored(Run, world.ledger, EXECUTION).rejected_at is not None


def test_a_package_that_was_set_back_waits_on(world, approval, sent, lambda_context):
    """Its event came late: what counts is the status of now."""
    assert handler(approval, lambda_context)["Result"] == "it goes on"
    assert sent.answers == []


def test_a_package_that_was_deleted_ends_the_run(world, approval, sent, lambda_context, monkeypatch):
    """No event tells of it; the sweep finds out, and that is nobody's no."""
    world.sagemaker.packages.clear()
    later = time.time() + SETTLING_SECONDS + 2
    monkeypatch.setattr(time, "time", lambda: later)

    assert handler({"Sweep": True}, lambda_context)["Resolved"] == 1

    error, cause = failure_of(sent)
    assert error == "ModelNotApprovedError"
    assert "deleted while the execution waited for it" in cause
    assert stored(Run, world.ledger, EXECUTION).rejected_at is None


def test_an_approval_whose_event_was_lost_is_found(world, approval, sent, lambda_context):
    """By the sweep, within minutes."""
    judge(world, "Approved")

    assert handler({"Sweep": True}, lambda_context)["Resolved"] == 1
    assert output_of(sent)["Words"].startswith("approved")


def test_a_stopped_run_leaves_no_token_of_its_approval(world, approval, sent, lambda_context):
    """There is no job to stop."""
    world.stop_execution()

    assert handler({"Sweep": True}, lambda_context)["Dropped"] == 1
    assert sent.answers == []
