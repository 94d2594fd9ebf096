"""Invoking a function: its answer, its errors, and what its process is given."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.functions import Deployed
from support.processes import wait_until_gone

NewFunction = Callable[..., Deployed]


def test_handler_answers_with_its_event_and_context(function: NewFunction) -> None:
    """The handler gets the event, the invoked ARN, and the time that is left; its value comes back.

    Source: Lambda developer guide, "Define Lambda function handler in Python".
    """
    deployed = function("def handler(e, c): return [e, c.invoked_function_arn, c.get_remaining_time_in_millis()]")

    answer = deployed.invoke({"name": "ü"})

    event, arn, milliseconds_left = answer.value
    assert event == {"name": "ü"}
    assert arn == f"arn:aws:lambda:us-east-1:123456789012:function:{deployed.name}"
    assert 2000 < milliseconds_left <= 3000
    assert (answer.error, answer.version) == (None, "$LATEST")


def test_environment_is_reused_while_warm(function: NewFunction) -> None:
    """A module is imported once; its globals live on from one invocation to the next.

    Source: Lambda developer guide, "Understanding the Lambda execution environment lifecycle".
    """
    deployed = function("n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n")

    assert [deployed.invoke().value for _ in range(3)] == [1, 2, 3]


def test_exception_is_an_unhandled_function_error(function: NewFunction) -> None:
    """The error object is that of the runtime: type, message, request id and stack trace.

    Source: Lambda developer guide, "Lambda function handler errors in Python".
    """
    deployed = function("def handler(e, c): raise ValueError('no such thing: 7')")

    answer = deployed.invoke()

    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == "ValueError"
    assert answer.value["errorMessage"] == "no such thing: 7"
    assert answer.value["requestId"] == answer.headers["x-amzn-requestid"]
    assert "raise ValueError" in answer.value["stackTrace"][-1]


def test_package_that_is_not_in_the_archive_cannot_be_imported(function: NewFunction) -> None:
    """The runtime offers boto3 and what it needs; pydantic, though installed here, has to be packaged.

    Source: Lambda developer guide, "Working with .zip file archives for Python Lambda functions".
    """
    deployed = function("import boto3, pydantic\ndef handler(e, c): return 1")

    answer = deployed.invoke()

    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == "Runtime.ImportModuleError"
    assert answer.value["errorMessage"] == "Unable to import module 'app': No module named 'pydantic'"


def test_timeout_ends_the_environment(function: NewFunction) -> None:
    """The caller is told after the function's time-out, and the next invocation starts afresh.

    Source: Lambda developer guide, "Understanding the Lambda execution environment lifecycle".
    """
    deployed = function(
        "import time\nn = 0\n"
        "def handler(e, c):\n    global n\n    n += 1\n    time.sleep(e.get('sleep', 0))\n    return n",
        Timeout=1,
    )
    assert deployed.invoke().value == 1

    answer = deployed.invoke({"sleep": 30})

    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == "Sandbox.Timedout"
    assert answer.value["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    assert deployed.invoke().value == 1
    assert "Task timed out after 1.00 seconds" in deployed.log()


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("os._exit(3)", "Runtime exited with error: exit status 3"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_crash_is_an_exit_error(function: NewFunction, statement: str, reason: str) -> None:
    """A process that ends during an invocation is reported with its exit status, and replaced.

    Source: Lambda developer guide, "Understanding the Lambda execution environment lifecycle".
    """
    deployed = function(f"import os\ndef handler(e, c):\n    if e.get('crash'): {statement}\n    return 'fine'")

    answer = deployed.invoke({"crash": True})

    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == "Runtime.ExitError"
    assert answer.value["errorMessage"].endswith(f"Error: {reason}")
    assert deployed.invoke().value == "fine"


def test_process_that_dies_while_idle_is_replaced_unnoticed(function: NewFunction) -> None:
    """A caller does not suffer from a process that ended after the last answer.

    Source: Lambda developer guide, "Understanding the Lambda execution environment lifecycle".
    """
    deployed = function(
        "import os, threading\n"
        "def handler(e, c):\n    threading.Timer(0.05, os._exit, [1]).start()\n    return os.getpid()"
    )
    first = deployed.invoke().value

    wait_until_gone(first)

    assert deployed.invoke().value != first


def test_response_above_six_megabytes_is_an_error(function: NewFunction) -> None:
    """The caller gets the error that Lambda gives instead.

    Source: Lambda developer guide, "Lambda quotas".
    """
    deployed = function("def handler(e, c): return 'x' * e['size']", MemorySize=512)

    assert len(deployed.invoke({"size": 6_000_000}).value) == 6_000_000
    answer = deployed.invoke({"size": 6_300_000})

    assert (answer.error, answer.value["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")


@pytest.mark.parametrize(
    ("payload", "options", "code", "status"),
    [
        (b'"' + b"x" * 6_291_456 + b'"', {}, "RequestTooLargeException", 413),
        (b'"' + b"x" * 1_048_576 + b'"', {"InvocationType": "Event"}, "RequestTooLargeException", 413),
        (b"{not json", {}, "InvalidRequestContentException", 400),
        (b"n\x87r", {}, "InvalidRequestContentException", 400),
        (b"{}", {"Qualifier": "7"}, "ResourceNotFoundException", 404),
    ],
)
def test_bad_request_is_refused(
    function: NewFunction, payload: bytes, options: dict[str, str], code: str, status: int
) -> None:
    """What AWS refuses is refused with its error code and HTTP status, before the handler runs.

    Source: Lambda API reference, Invoke.
    """
    deployed = function("def handler(e, c): return 1")

    with pytest.raises(ClientError, match=code) as refusal:
        deployed.client.invoke(FunctionName=deployed.name, Payload=payload, **options)

    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_unknown_function_is_not_found(aws: Callable[[str], Any]) -> None:
    """The error names the ARN.

    Source: Lambda API reference, Invoke.
    """
    with pytest.raises(ClientError, match="Function not found: arn:aws:lambda:us-east-1:123456789012:function:nothing"):
        aws("lambda").invoke(FunctionName="nothing")


def test_dry_run_answers_204(function: NewFunction) -> None:
    """A dry run resolves the function and runs nothing.

    Source: Lambda API reference, Invoke.
    """
    deployed = function("raise RuntimeError('must not be imported')")

    answer = deployed.client.invoke(FunctionName=deployed.name, InvocationType="DryRun")

    assert answer["StatusCode"] == 204


def test_log_tail_and_log_group_hold_what_was_printed(function: NewFunction) -> None:
    """Prints, log records and the platform's lines are in the tail and in the function's log group, in order.

    Source: Lambda developer guide, "Log and monitor Python Lambda functions".
    """
    deployed = function(
        "import logging\nlogging.getLogger().setLevel('INFO')\n"
        "def handler(e, c):\n"
        "    print('printed')\n    logging.info('logged\\nin two lines')\n    return c.aws_request_id"
    )

    answer = deployed.client.invoke(FunctionName=deployed.name, LogType="Tail")

    request_id = json.loads(answer["Payload"].read())
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert tail.startswith(f"START RequestId: {request_id} Version: $LATEST\n")
    assert f"END RequestId: {request_id}\nREPORT RequestId: {request_id}\tDuration: " in tail
    assert re.search(r"Billed Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: [1-9]\d* MB", tail)
    for text in ("INIT_START Runtime Version: python:3.11", "printed\n", f"{request_id}\tlogged\nin two lines"):
        assert text in deployed.log()


def test_function_acts_as_its_own_role(function: NewFunction) -> None:
    """The credentials in the process are a session of the function's role, named after the function.

    Source: Lambda developer guide, "Defining Lambda function permissions with an execution role".
    """
    deployed = function(
        "import boto3\ndef handler(e, c): return boto3.client('sts').get_caller_identity()['Arn']", Timeout=20
    )

    assert deployed.invoke().value == f"arn:aws:sts::123456789012:assumed-role/tester/{deployed.name}"


def test_process_is_told_what_lambda_tells(function: NewFunction) -> None:
    """The variables that AWS sets are there, with the function's own, and none of the machine's.

    Source: Lambda developer guide, "Working with Lambda environment variables".
    """
    deployed = function(
        "import os\ndef handler(e, c): return dict(os.environ)",
        Environment={"Variables": {"COLOUR": "green"}},
        MemorySize=256,
    )

    variables = deployed.invoke().value

    assert variables["COLOUR"] == "green"
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == deployed.name
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert variables["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.11"
    assert variables["AWS_ENDPOINT_URL"] == deployed.account.info.url
    assert ";Sampled=0;Lineage=" in variables["_X_AMZN_TRACE_ID"]
    assert "VIRTUAL_ENV" not in variables


def test_client_context_reaches_the_handler(function: NewFunction) -> None:
    """What a mobile client sends along is in the context.

    Source: Lambda API reference, Invoke.
    """
    deployed = function("def handler(e, c): return c.client_context.custom")
    context = base64.b64encode(json.dumps({"custom": {"tenant": "a"}}).encode()).decode()

    assert deployed.invoke(ClientContext=context).value == {"tenant": "a"}
