"""The definition that is committed: equal to what the code builds, valid ASL, and nothing in it can hang or vanish."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ops.stack.expand_template import expand, read_template

ROOT = Path(__file__).resolve().parents[2]
DEFINITION_FILE = ROOT / "statemachine" / "pipeline.asl.json"
TRANSIENT_LAMBDA_ERRORS = {
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}


@pytest.fixture(scope="module")
def definition() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DEFINITION_FILE.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def tasks(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: state for name, state in definition["States"].items() if state["Type"] == "Task"}


PARTITIONS = ["aws", "aws-cn", "aws-us-gov"]


def substituted(definition: dict[str, Any], partition: str = "aws") -> str:
    """The definition as Step Functions receives it: an ARN for every ${...FunctionArn}, and the stack's partition."""
    arn = rf"arn:{partition}:lambda:us-east-1:123456789012:function:\1"
    text = re.sub(r"\$\{(\w+)FunctionArn\}", arn, json.dumps(definition))
    return text.replace("${Partition}", partition)


@pytest.mark.parametrize("partition", PARTITIONS)
def test_every_arn_is_of_the_stacks_partition(definition: dict[str, Any], partition: str) -> None:
    """In China and GovCloud an integration of arn:aws is unknown; the definition writes none out.

    Source: Step Functions developer guide, "Integrating services", and "AWS GovCloud (US) ARNs".
    """
    arns = re.findall(r"arn:([^:]*):(\w+)", substituted(definition, partition))

    assert {each for each, _ in arns} == {partition}
    assert {service for _, service in arns} == {"lambda", "states"}


def test_committed_definition_is_what_the_code_builds() -> None:
    """`python -m statemachine.pipeline` would leave the committed file as it is, in any region."""
    built = subprocess.run(
        [sys.executable, "-m", "statemachine.pipeline", "--stdout"],
        cwd=ROOT, env={**os.environ, "AWS_DEFAULT_REGION": "cn-north-1"}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip

    assert built.returncode == 0, built.stderr
    assert built.stdout == DEFINITION_FILE.read_text(encoding="utf-8"), "run: python -m statemachine.pipeline"


def path(
    definition: dict[str, Any],
    *,
    kept: bool = False,
    back: bool = False,
    approval_seconds: int = 0,
    shadow: bool = False,
    archive: bool = False,
) -> list[str]:
    """Return the states that a run visits when it succeeds; with `kept` a model comes with its input, or goes back.

    With `shadow` there are requests to copy; with `archive` the dataset is no folder.
    """
    holds = {
        "$.Model": kept,
        "$.Trigger.Leaves": back,
        "$.Model.ApprovalSeconds": approval_seconds,
        "$.Shadow.Reason": not shadow,
    }
    name, visited = definition["StartAt"], []
    while name:
        visited.append(name)
        state = definition["States"][name]
        name = state.get("Next")
        if state["Type"] == "Choice":
            (rule,) = state["Choices"]
            if visited[-1] == "IsArchive":
                name = rule["Next"] if archive else state["Default"]
                continue
            value = holds[rule["Variable"]]
            applies = value == rule["NumericEquals"] if "NumericEquals" in rule else value is rule["IsPresent"]
            name = rule["Next"] if applies else state["Default"]
    return visited


def test_states_are_the_flow_of_the_design(definition: dict[str, Any]) -> None:
    """A run that succeeds visits these states in this order and ends after its report; no way leads past a look."""
    assert path(definition) == [
        "IsRollback", "IsArchive", "ValidateDataset", "HasModel", "ComputeFeatures", "StartTuningJob",
        "StartTrainingJob", "EvaluateModel", "RegisterModel", "NeedsApproval", "DeployShadow", "HasShadow",
        "DeployEndpoint", "CheckEndpoint", "RegisterScaling", "ReportOutcome",
    ]  # fmt: skip
    assert definition["States"]["ReportOutcome"]["End"] is True


def test_an_archive_is_unpacked_first(definition: dict[str, Any]) -> None:
    """Nothing else differs; the rule asks whether there is a URI, so that an input without one is refused in words."""
    unpacked = path(definition, archive=True)

    assert unpacked[:4] == ["IsRollback", "IsArchive", "UnpackArchive", "ValidateDataset"]
    assert [name for name in unpacked if name != "UnpackArchive"] == path(definition)
    uri = "$.Dataset.S3Uri"
    assert definition["States"]["IsArchive"]["Choices"][0]["And"] == [
        {"Variable": uri, "IsPresent": True},
        {"Not": {"Variable": uri, "StringMatches": "*/"}},
    ]


def test_approval_comes_between_registration_and_deployment(definition: dict[str, Any]) -> None:
    """Where a person is to be asked, no way leads to the endpoint without; nothing else differs."""
    with_approval = path(definition, approval_seconds=3600)

    first = with_approval.index("WaitForApproval")
    assert with_approval[first - 2 : first + 2] == [
        "RegisterModel", "NeedsApproval", "WaitForApproval", "DeployShadow",
    ]  # fmt: skip
    assert [name for name in with_approval if name != "WaitForApproval"] == path(definition)


def test_a_shadow_is_judged_before_its_model_is_deployed(definition: dict[str, Any]) -> None:
    """The state machine waits while requests are copied: no function sleeps, and no person is asked meanwhile."""
    visited = path(definition, shadow=True)

    number = visited.index("DeployShadow")
    assert visited[number : number + 5] == [
        "DeployShadow", "HasShadow", "WaitForShadow", "JudgeShadow", "DeployEndpoint",
    ]  # fmt: skip
    assert definition["States"]["WaitForShadow"]["SecondsPath"] == "$.Shadow.WaitSeconds"


def test_a_model_that_comes_with_the_input_is_deployed(definition: dict[str, Any]) -> None:
    """No job is started for it: its dataset is looked at, and then it is deployed and checked as any other."""
    assert path(definition, kept=True) == [
        "IsRollback", "IsArchive", "ValidateDataset", "HasModel",
        "DeployEndpoint", "CheckEndpoint", "RegisterScaling", "ReportOutcome",
    ]  # fmt: skip


def test_a_rollback_does_nothing_but_deploy(definition: dict[str, Any]) -> None:
    """Its dataset may have changed or be gone; it is deployed and checked as any other."""
    assert path(definition, kept=True, back=True) == [
        "IsRollback", "DeployEndpoint", "CheckEndpoint", "RegisterScaling", "ReportOutcome",
    ]  # fmt: skip


def timeout_of(state: dict[str, Any]) -> int:
    """Return how long a state waits at most; the parameters' longest where its input says it."""
    if "TimeoutSecondsPath" not in state:
        return int(state["TimeoutSeconds"])
    assert state["TimeoutSecondsPath"] == "$.Model.ApprovalSeconds"
    return int(read_template()["Parameters"]["ApprovalTimeoutHours"]["MaxValue"]) * 3600


def test_every_task_has_a_timeout_and_the_machine_outlasts_them(
    definition: dict[str, Any], tasks: dict[str, dict[str, Any]]
) -> None:
    """The state that hangs times out, is caught and is reported before the execution as a whole does."""
    timeouts = {name: timeout_of(state) for name, state in tasks.items()}

    assert all(seconds > 0 for seconds in timeouts.values())
    assert sum(timeouts.values()) < definition["TimeoutSeconds"]


def test_no_state_hides_a_task_or_comes_twice(definition: dict[str, Any]) -> None:
    """No Map or Parallel holds states that the tests here do not see, and no way leads back: nothing runs for ever."""
    states = definition["States"]
    assert {state["Type"] for state in states.values()} <= {"Task", "Pass", "Choice", "Wait", "Succeed", "Fail"}

    def followers(name: str) -> list[str]:
        state = states[name]
        rules = [*state.get("Choices", []), *state.get("Catch", [])]
        return [one for one in (state.get("Next"), state.get("Default"), *(rule["Next"] for rule in rules)) if one]

    left = {name: set(followers(name)) for name in states}
    while ends := {name for name, following in left.items() if not following & set(left)}:
        left = {name: following for name, following in left.items() if name not in ends}

    assert left == {}, "these states lead back to themselves"


def test_what_a_state_waits_for_ends_before_it_times_out(tasks: dict[str, dict[str, Any]]) -> None:
    """A function's own time-out comes first, and the longest job that the parameters allow: each then says why."""
    template = expand(read_template())
    limits = {
        name: declared["MaxValue"]
        for name, declared in template["Parameters"].items()
        if name.endswith(("MaxRuntimeSeconds", "MaxWaitSeconds"))
    }
    for name, state in tasks.items():
        function = state["Parameters"]["FunctionName"].removeprefix("${").removesuffix("Arn}")
        assert template["Resources"][function]["Properties"]["Timeout"] < timeout_of(state), name

    waiting = ("UnpackArchive", "ComputeFeatures", "StartTuningJob", "StartTrainingJob")
    jobs = [tasks[name]["TimeoutSeconds"] for name in waiting]
    assert len(limits) >= 3
    assert max(limits.values()) <= min(jobs) - 3600  # for instances to come and output to go


def test_every_task_retries_transient_lambda_errors_with_jitter(tasks: dict[str, dict[str, Any]]) -> None:
    """Six retries, spread and capped, on exactly the errors that say the function did not fail by itself."""
    for name, state in tasks.items():
        retry, _, *others = state["Retry"]
        assert len(others) == (name == "ReportOutcome"), name
        assert set(retry["ErrorEquals"]) == TRANSIENT_LAMBDA_ERRORS, name
        assert (retry["MaxAttempts"], retry["JitterStrategy"], retry["MaxDelaySeconds"]) == (6, "FULL", 60), name


def test_every_task_waits_until_aws_knows_what_was_just_made(tasks: dict[str, dict[str, Any]]) -> None:
    """Roles take seconds to be known everywhere, at worst a minute: the tries last three, the first comes soon."""
    for name, state in tasks.items():
        retry = state["Retry"][1]
        waits = [min(retry["IntervalSeconds"] * retry["BackoffRate"] ** n, retry["MaxDelaySeconds"]) for n in range(6)]
        assert (retry["ErrorEquals"], retry["MaxAttempts"]) == (["AwsPendingError"], 6), name
        assert waits[0] <= 5, name
        assert 120 < sum(waits) < 300, name


def test_report_that_is_cut_short_is_made_again(tasks: dict[str, dict[str, Any]]) -> None:
    """Whatever it was, and however it is called: a good deployment must not read FAILED."""
    *_, retry = tasks["ReportOutcome"]["Retry"]

    assert (retry["ErrorEquals"], retry["MaxAttempts"]) == (["States.ALL"], 2)


def test_every_failure_is_reported_and_then_fails(definition: dict[str, Any], tasks: dict[str, dict[str, Any]]) -> None:
    """Each Task catches all errors into $.Failure and ends in Fail with that Error and Cause."""
    for name, state in tasks.items():
        (catch,) = state["Catch"]
        assert catch["ErrorEquals"] == ["States.ALL"], name
        if name == "ReportFailure":
            assert (catch["Next"], catch["ResultPath"]) == ("ExecutionFailed", "$.ReportFailure")
        else:
            assert (catch["Next"], catch["ResultPath"]) == ("ReportFailure", "$.Failure"), name

    report, failed = definition["States"]["ReportFailure"], definition["States"]["ExecutionFailed"]
    assert report["Next"] == "ExecutionFailed"
    assert report["ResultPath"] is None, "the report's answer must leave $.Failure in place"
    assert (failed["Type"], failed["ErrorPath"], failed["CausePath"]) == (
        "Fail",
        "$.Failure.Error",
        "$.Failure.Cause",
    )


def test_only_waiting_states_pass_a_token(tasks: dict[str, dict[str, Any]]) -> None:
    """A token goes to the states that start long work or ask a person; other results are selected by field."""
    waiting = {name for name, state in tasks.items() if state["Resource"].endswith(".waitForTaskToken")}
    given = {name for name, state in tasks.items() if "TaskToken.$" in state["Parameters"]["Payload"]}

    assert waiting == given == {
        "UnpackArchive", "ComputeFeatures", "StartTuningJob", "StartTrainingJob",
        "WaitForApproval", "DeployShadow", "DeployEndpoint",
    }  # fmt: skip
    for name in set(tasks) - waiting - {"ReportOutcome", "ReportFailure"}:
        selector = tasks[name]["ResultSelector"]
        assert all(path == f"$.Payload.{field.removesuffix('.$')}" for field, path in selector.items()), name


def test_every_part_a_state_takes_was_put_there_before(definition: dict[str, Any]) -> None:
    """No payload names a part of the state data that no earlier state wrote."""
    present = {"Dataset"}
    for name in path(definition, approval_seconds=3600, shadow=True, archive=True):
        state = definition["States"][name]
        for taken in state.get("Parameters", {}).get("Payload", {}).values():
            match = re.fullmatch(r"\$\.(\w+)", str(taken))
            assert match is None or match[1] in present, f"{name} takes {taken}"
        if state.get("ResultPath"):
            present.add(state["ResultPath"].removeprefix("$."))


@pytest.fixture
def stepfunctions() -> Iterator[Any]:
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield boto3.client(
            "stepfunctions", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )


def test_the_interpreter_accepts_the_definition(definition: dict[str, Any], stepfunctions: Any) -> None:
    """CreateStateMachine parses it with the interpreter that runs it locally."""
    created = stepfunctions.create_state_machine(
        name="pipeline", definition=substituted(definition), roleArn="arn:aws:iam::123456789012:role/pipeline"
    )

    stored = stepfunctions.describe_state_machine(stateMachineArn=created["stateMachineArn"])
    assert json.loads(stored["definition"])["StartAt"] == "IsRollback"


def asl_validator() -> list[str] | None:
    """The command of the npm package asl-validator where it is installed; never one that downloads it."""
    local = ROOT / "node_modules" / ".bin" / "asl-validator"
    if local.exists():
        return [str(local)]
    program = shutil.which("asl-validator")
    return [program] if program else None


@pytest.mark.parametrize("partition", PARTITIONS)
def test_asl_validator_accepts_the_definition(definition: dict[str, Any], partition: str, tmp_path: Path) -> None:
    """The npm validator, which knows the language's schema, has nothing to say."""
    command = asl_validator()
    if command is None:
        pytest.skip("asl-validator is not installed: npm install --no-save asl-validator@4")
    file = tmp_path / "pipeline.asl.json"
    file.write_text(substituted(definition, partition), encoding="utf-8")

    checked = subprocess.run(
        [*command, "--json-path", str(file)], capture_output=True, text=True, timeout=60, check=False
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
