"""The state machine: builds pipeline.asl.json, which template.yaml deploys and a person reads first.

    python -m statemachine.pipeline            rewrite statemachine/pipeline.asl.json
    python -m statemachine.pipeline --stdout   print the definition instead

The stepfunctions SDK knows neither ResultSelector, jitter nor ErrorPath, so three small subclasses allow them.
"""

import argparse
import contextlib
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
    # The SDK of 2021 reads its version through pkg_resources and compares strings with `is`; neither concerns us.
    # sagemaker, which it imports, greets on standard output.
    warnings.simplefilter("ignore")
    from stepfunctions.steps.choice_rule import ChoiceRule
    from stepfunctions.steps.states import Catch, Chain, Choice, Fail, Graph, Retry, State, Task, Wait

DEFINITION_FILE = Path(__file__).with_name("pipeline.asl.json")

# What Lambda and its SDK report when a function did not run or may run again; a function's own errors are not here.
TRANSIENT_LAMBDA_ERRORS = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]
LAMBDA_SECONDS = 960  # a function may run 900 s; the minute is for queueing and the answer
JOB_SECONDS = 86_400
DEPLOY_SECONDS = 7_200
MACHINE_SECONDS = 1_036_800  # above the sum of all states' timeouts: the state that hangs is the one that is reported

# The order in which a person reads a state; the SDK writes fields in the order they were given.
FIELD_ORDER = [
    "Comment", "StartAt", "Type", "Resource", "TimeoutSeconds", "TimeoutSecondsPath", "States", "Parameters",
    "ResultSelector", "Choices", "And", "Not", "Variable", "IsPresent", "NumericEquals", "StringMatches", "Default",
    "SecondsPath", "ErrorEquals", "ResultPath", "ErrorPath", "CausePath", "IntervalSeconds", "MaxAttempts",
    "BackoffRate", "MaxDelaySeconds", "JitterStrategy", "Retry", "Catch", "Next", "End",
]  # fmt: skip


class LambdaTask(Task):  # type: ignore[misc]  # the SDK has no types
    """A Task that may select fields of its result."""

    def is_field_allowed(self, field_name: str) -> bool:
        return field_name == "result_selector" or bool(super().is_field_allowed(field_name))


class JitteredRetry(Retry):  # type: ignore[misc]
    """A Retry whose waits are capped and spread, so that many executions do not return at one instant."""

    def is_field_allowed(self, field_name: str) -> bool:
        return field_name in ("max_delay_seconds", "jitter_strategy") or bool(super().is_field_allowed(field_name))


class FailFromState(Fail):  # type: ignore[misc]
    """A Fail that carries the Error and Cause that a Catch stored in the state."""

    def is_field_allowed(self, field_name: str) -> bool:
        return field_name in ("error_path", "cause_path") or bool(super().is_field_allowed(field_name))


def transient_retry() -> JitteredRetry:
    """Six retries over about two minutes, for errors of the Lambda service only."""
    return _retry(TRANSIENT_LAMBDA_ERRORS, interval_seconds=2)


def pending_retry() -> JitteredRetry:
    """Six more tries over about three minutes, while what a state builds on is not known everywhere yet."""
    return _retry(["AwsPendingError"], jitter_strategy="NONE")


def report_retry() -> JitteredRetry:
    """Two more reports when one was cut short by whatever it was: a report may be repeated."""
    return _retry(["States.ALL"], max_attempts=2)


def _retry(
    errors: list[str], *, interval_seconds: int = 5, max_attempts: int = 6, jitter_strategy: str = "FULL"
) -> JitteredRetry:
    return JitteredRetry(
        error_equals=errors,
        interval_seconds=interval_seconds,
        max_attempts=max_attempts,
        backoff_rate=2,
        max_delay_seconds=60,
        jitter_strategy=jitter_strategy,
    )


def lambda_task(
    name: str,
    takes: list[str],
    *,
    function: str | None = None,
    gives: str | None = None,
    fields: list[str] | None = None,
    token: bool = False,
    timeout_seconds: int = LAMBDA_SECONDS,
    timeout_seconds_path: str | None = None,
    payload: dict[str, Any] | None = None,
    comment: str,
) -> LambdaTask:
    """Return the Task `name`: its Lambda gets the parts `takes` of the state; the result lands under `gives`.

    With `token` the state waits until resume_execution reports the job. `fields` are what a plain invocation keeps of
    the function's answer; a reported result is kept as it comes.
    """
    arguments: dict[str, Any] = {"ExecutionName.$": "$$.Execution.Name"}
    if token:
        arguments["TaskToken.$"] = "$$.Task.Token"
    arguments |= {f"{part}.$": f"$.{part}" for part in takes} | (payload or {})
    selector = {f"{field}.$": f"$.Payload.{field}" for field in fields} if fields else None
    return LambdaTask(
        name,
        comment=comment,
        # Written out, because LambdaStep takes the partition from whatever region the builder's machine has set; the
        # template puts in the stack's.
        resource="arn:${Partition}:states:::lambda:invoke" + (".waitForTaskToken" if token else ""),
        parameters={"FunctionName": f"${{{function or name}FunctionArn}}", "Payload": arguments},
        result_selector=selector,
        result_path=f"$.{gives}" if gives else None,
        timeout_seconds=None if timeout_seconds_path else timeout_seconds,
        timeout_seconds_path=timeout_seconds_path,
        retry=[transient_retry(), pending_retry()],
    )


def work_states() -> list[LambdaTask]:
    """Return the states of a run that succeeds, in order."""
    return [
        lambda_task(
            "UnpackArchive",
            ["Dataset"],
            gives="Unpacking",
            token=True,
            timeout_seconds=JOB_SECONDS,
            comment="Put an archive's files into the bucket; a large one's by a job, for which it waits.",
        ),
        lambda_task(
            "ValidateDataset",
            ["Dataset"],
            gives="Dataset",
            fields=[
                "Name", "S3Uri", "Fingerprint", "ClassesS3Uri", "TrainManifestS3Uri", "ValidationManifestS3Uri",
                "TestManifestS3Uri", "ReportS3Uri", "LabelsS3Uri", "PicturesS3Uri", "PicturesSha256", "NumClasses",
                "NumTrain", "NumValidation", "NumTest", "NumBytes", "NumUnusable", "MadeSplits", "Replaces",
            ],
            comment="Manifests, class names and splits; refuses a dataset that cannot be trained on.",
        ),
        lambda_task(
            "ComputeFeatures",
            ["Dataset"],
            gives="Features",
            token=True,
            timeout_seconds=JOB_SECONDS,
            comment="Examine all images, once, and keep a frozen backbone's features; waits, or takes what is there.",
        ),
        lambda_task(
            "StartTuningJob",
            ["Dataset", "Features"],
            gives="Tuning",
            token=True,
            timeout_seconds=JOB_SECONDS,
            comment="Search hyperparameters; waits for the tuning job, or for the training job of all trials.",
        ),
        lambda_task(
            "StartTrainingJob",
            ["Dataset", "Features", "Tuning"],
            gives="Training",
            token=True,
            timeout_seconds=JOB_SECONDS,
            comment="Train once more with the best hyperparameters; waits for the training job.",
        ),
        lambda_task(
            "EvaluateModel",
            ["Dataset", "Training"],
            gives="Evaluation",
            fields=[
                "Accuracy", "Threshold", "NumTestImages", "EvaluationS3Uri", "Evidence", "BrokeDownInEpoch", "ServedBy",
            ],
            comment="The gate: accuracy at least the threshold, and not worse than what serves, or the run ends here.",
        ),
        lambda_task(
            "RegisterModel",
            ["Dataset", "Tuning", "Training", "Evaluation"],
            gives="Model",
            fields=["ModelPackageArn", "ApprovalSeconds", "ModelCard"],
            comment="A model package with its metrics and where it came from, and its card.",
        ),
        lambda_task(
            "WaitForApproval",
            ["Dataset", "Evaluation", "Model"],
            gives="Approval",
            token=True,
            timeout_seconds_path="$.Model.ApprovalSeconds",
            comment="Ask a person, with the evidence; waits for the status of the model package.",
        ),
        lambda_task(
            "DeployShadow",
            ["Dataset", "Training", "Model"],
            function="DeployEndpoint",
            gives="Shadow",
            token=True,
            timeout_seconds=DEPLOY_SECONDS,
            payload={"Shadow": True},
            comment="Let the model have copies of the live requests; waits, or says why there are none.",
        ),
        lambda_task(
            "JudgeShadow",
            ["Shadow"],
            gives="Verdict",
            fields=["NumCopies", "NumCompared", "NumAgreeing", "LatencyRatio", "Words"],
            comment="Agreement, latency and errors of both models on the same requests, or the run ends here.",
        ),
        lambda_task(
            "DeployEndpoint",
            ["Dataset", "Training", "Model"],
            gives="Endpoint",
            token=True,
            timeout_seconds=DEPLOY_SECONDS,
            comment="Create the endpoint, or update it blue/green with rollback; waits until it is InService.",
        ),
        lambda_task(
            "CheckEndpoint",
            ["Dataset", "Evaluation", "Endpoint"],
            gives="Check",
            fields=["NumImages", "NumAgreeing", "MaxProbabilityDifference"],
            comment="The live endpoint must repeat the predictions the model made in its test.",
        ),
        lambda_task(
            "RegisterScaling",
            ["Endpoint"],
            gives="Scaling",
            fields=["ResourceId", "PolicyName", "MinCapacity", "MaxCapacity", "TargetValue", "Words", "Origin"],
            comment="Scalable target and target-tracking policy.",
        ),
    ]  # fmt: skip


def link(tasks: list[LambdaTask]) -> State:
    """Join the tasks in order and return the first.

    All between the dataset and the endpoint is passed by when a model comes with the input, to be deployed again, and
    the dataset too when that is a rollback. Where no requests are copied there is no shadow to judge.
    """
    unpack, validate, compute, *others = tasks
    first = [task.state_id for task in others].index("WaitForApproval")
    approve, shadow, judge, deploy = others[first : first + 4]
    has_model = Choice(
        "HasModel", comment="The model of an earlier execution, on the same data, code and settings, is deployed again."
    )
    has_model.add_choice(ChoiceRule.IsPresent("$.Model", True), deploy)
    has_model.default_choice(compute)
    is_rollback = Choice(
        "IsRollback", comment="A model that has served goes back as it was, whatever has become of its dataset since."
    )
    is_rollback.add_choice(ChoiceRule.IsPresent("$.Trigger.Leaves", True), deploy)
    is_archive = Choice("IsArchive", comment="An archive is unpacked first; a folder is read where it lies.")
    uri = "$.Dataset.S3Uri"  # which an execution that was started by hand may lack, as ValidateDataset says
    is_file = ChoiceRule.Not(ChoiceRule.StringMatches(uri, "*/"))
    is_archive.add_choice(ChoiceRule.And([ChoiceRule.IsPresent(uri, True), is_file]), unpack)
    is_archive.default_choice(validate)
    is_rollback.default_choice(is_archive)
    needs_approval = Choice(
        "NeedsApproval", comment="With ApprovalRequired a person says whether the model is deployed."
    )
    needs_approval.add_choice(ChoiceRule.NumericEquals("$.Model.ApprovalSeconds", 0), shadow)
    needs_approval.default_choice(approve)
    Chain([unpack, validate, has_model])
    waiting = Wait(
        "WaitForShadow",
        comment="ShadowSeconds of live requests, and what their measurements take to arrive.",
        seconds_path="$.Shadow.WaitSeconds",
    )
    has_shadow = Choice("HasShadow", comment="Without a shadow the model is deployed at once.")
    has_shadow.add_choice(ChoiceRule.IsPresent("$.Shadow.Reason", True), deploy)
    has_shadow.default_choice(waiting)
    Chain([compute, *others[:first], needs_approval])
    Chain([approve, shadow, has_shadow])
    Chain([waiting, judge, *others[first + 3 :]])
    return is_rollback


def report_state(name: str, status: str, comment: str) -> LambdaTask:
    """Return a state that hands the whole state data to the ReportOutcome function."""
    return lambda_task(name, [], function="ReportOutcome", payload={"Status": status, "State.$": "$"}, comment=comment)


def pipeline() -> Graph:
    """Return the state machine: every Task retries Lambda's own errors, and any other error is reported, then fails."""
    failed = FailFromState(
        "ExecutionFailed",
        comment="Ends with the Error and Cause of the state that failed.",
        error_path="$.Failure.Error",
        cause_path="$.Failure.Cause",
    )
    report_failure = report_state("ReportFailure", "FAILED", "Run record and notification of a failed run.")
    report_failure.add_catch(Catch(failed, error_equals=["States.ALL"], result_path="$.ReportFailure"))
    report_failure.next(failed)
    tasks = [*work_states(), report_state("ReportOutcome", "SUCCEEDED", "Run record and notification.")]
    tasks[-1].add_retry(report_retry())
    for task in tasks:
        task.add_catch(Catch(report_failure, error_equals=["States.ALL"], result_path="$.Failure"))
    return Graph(
        link(tasks),
        comment="From a dataset in S3 to a tuned, gated, deployed and autoscaling endpoint.",
        timeout_seconds=MACHINE_SECONDS,
    )


def in_reading_order(node: Any) -> Any:
    """Return `node` with the fields of ASL objects in FIELD_ORDER; payloads and states keep their own order."""
    if isinstance(node, list):
        return [in_reading_order(item) for item in node]
    if not isinstance(node, dict):
        return node
    known = [name for name in FIELD_ORDER if name in node]
    return {name: in_reading_order(node[name]) for name in [*known, *(name for name in node if name not in known)]}


def definition_text() -> str:
    """Return the committed file's text."""
    return json.dumps(in_reading_order(pipeline().to_dict()), indent=2) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Write the definition to its file, or to standard output."""
    parser = argparse.ArgumentParser(description="Build the state machine's definition.")
    parser.add_argument("--stdout", action="store_true", help="print it instead of rewriting pipeline.asl.json")
    if parser.parse_args(arguments).stdout:
        sys.stdout.write(definition_text())
    else:
        DEFINITION_FILE.write_text(definition_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
