"""Compares the answers of Lambda with those that AWS gave to the same calls, as others recorded them."""

import base64
import json
import re
import uuid
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.functions import Deployed, archive, make_function, role
from support.queues import messages, new_queue
from support.waiting import eventually

_RECORDED = Path(__file__).resolve().parents[4] / "shared" / "corpora" / "aws-recorded" / "test_lambda.json"
_ECHO = "def handler(event, context):\n    return event\n"
_NOTHING = "def handler(event, context):\n    print(event)\n"
_TOO_LARGE = "def handler(event, context):\n    return 'x' * 7_000_000\n"
_ANY = re.compile(r"<[a-z-_]+(:\d+)?>|111111111111|\b(date|timestamp|log-result)\b|\d+\.\d\d ms")
# Where a stack trace names files, and what the account leaves to the client to measure.
_NOT_COMPARED = {"ResponseMetadata", "stackTrace", "MD5OfBody", "Attributes", "RequestId", "LastModified"}

pytestmark = pytest.mark.skipif(not _RECORDED.is_file(), reason="the corpora are not in this checkout")


@cache
def _recordings() -> dict[str, Any]:
    return {name.split("::", 1)[1]: each for name, each in json.loads(_RECORDED.read_text(encoding="utf-8")).items()}


def _recorded(scenario: str, step: str) -> Any:
    return _recordings()[scenario]["recorded-content"][step]


def _differences(given: Any, recorded: Any, path: str = "") -> list[str]:
    """Return where `found` is not as `recorded`, whose placeholders stand for any text; more than recorded is fine."""
    if isinstance(recorded, dict) and isinstance(given, dict):
        keys = recorded.keys() - _NOT_COMPARED
        return [each for key in keys for each in _differences(given.get(key, "absent"), recorded[key], f"{path}/{key}")]
    if isinstance(recorded, str) and isinstance(given, str):
        pattern = "".join(".+" if _ANY.fullmatch(part) else re.escape(part) for part in _parts(recorded))
        return [] if re.fullmatch(pattern, given, re.DOTALL) else [f"{path}: {given!r}, on AWS {recorded!r}"]
    return [] if given == recorded else [f"{path}: {given!r}, on AWS {recorded!r}"]


def _parts(text: str) -> list[str]:
    places = [0, *(place for match in _ANY.finditer(text) for place in match.span()), len(text)]
    return [text[first:last] for first, last in pairwise(places) if last > first]


def _invoke(function: Deployed, payload: bytes = b"{}", **options: Any) -> dict[str, Any]:
    answer: dict[str, Any] = function.client.invoke(FunctionName=function.name, Payload=payload, **options)
    text = answer["Payload"].read().decode()
    # The recordings hold objects parsed and everything else as the text it was.
    return answer | {"Payload": json.loads(text) if text.startswith("{") else text}


def _error(call: Any, **arguments: Any) -> dict[str, Any]:
    with pytest.raises(ClientError, match="An error occurred") as caught:
        call(**arguments)
    return dict(caught.value.response)


@pytest.mark.parametrize(
    ("scenario", "source"),
    [
        ("TestLambdaErrors::test_lambda_runtime_error", "raise Exception('Runtime startup fails')\n"),
        (
            "TestLambdaErrors::test_lambda_handler_error",
            "def handler(event, context):\n    raise Exception('Handler fails')\n",
        ),
        ("TestLambdaErrors::test_lambda_runtime_exit", "import sys\nsys.exit(0)\n"),
        ("TestLambdaErrors::test_lambda_handler_exit", "import sys\ndef handler(event, context):\n    sys.exit(0)\n"),
    ],
)
def test_a_function_that_fails_is_told_as_by_aws(account, scenario, source):
    """FunctionError, the type and the message are AWS's, for code that raises or exits, at its start or in a call."""
    answer = _invoke(make_function(account, source))

    assert _differences(answer, _recorded(scenario, "invocation_error")) == []


def test_a_time_out_is_told_as_by_aws(account):
    """Sandbox.Timedout names the request and the seconds."""
    function = make_function(account, "import time\ndef handler(event, context):\n    time.sleep(20)\n", Timeout=1)

    answer = _invoke(function)

    recorded = _recorded("TestLambdaBehavior::test_lambda_invoke_with_timeout", "invoke-result")
    assert _differences(answer, recorded) == []


def test_an_answer_that_is_too_large_is_told_as_by_aws(account):
    """More than 6 MB end in Function.ResponseSizeTooLarge."""
    answer = _invoke(make_function(account, _TOO_LARGE))

    recorded = _recorded("TestLambdaBaseFeatures::test_lambda_too_large_response", "invoke_result")
    assert _differences(answer, recorded) == []


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        ("TestLambdaFeatures::test_invocation_type_dry_run[python3.10]", "DryRun"),
        ("TestLambdaFeatures::test_invocation_type_no_return_payload[python-RequestResponse]", "RequestResponse"),
        ("TestLambdaFeatures::test_invocation_type_no_return_payload[python-Event]", "Event"),
    ],
)
def test_each_kind_of_invocation_is_answered_as_by_aws(account, scenario, kind):
    """DryRun is 204, Event is 202 with nothing, and a function that returns nothing gives null."""
    answer = _invoke(make_function(account, _NOTHING), InvocationType=kind)

    assert _differences(answer, _recorded(scenario, "invoke-result")) == []


def test_the_log_that_comes_with_an_answer_is_as_aws_writes_it(account):
    """START, the function's own lines, END, and REPORT with Init Duration in the first call."""
    function = make_function(account, "def handler(event, context):\n    print(event)\n    return event\n")

    answer = _invoke(function, LogType="Tail")

    recorded = _recorded("TestLambdaFeatures::test_invocation_with_logs[python3.10]", "logs")["logs"]
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines(keepends=True)
    assert len(lines) == len(recorded)
    for line, expected in zip(lines, recorded, strict=True):
        assert _differences(line, expected) == []


@pytest.mark.parametrize("text", [r"body-n\x87r\x9e\xe9\xb5\xd7I\xee\x9bmt", r"message-\x99\xeb,j\x07\xa1zYh"])
def test_bytes_that_are_no_json_are_refused_as_by_aws(account, text):
    """InvalidRequestContentException; what AWS's own parser says of the place is left out here."""
    name, _, escaped = text.partition("-")
    function = make_function(account, _ECHO)

    payload = escaped.encode().decode("unicode_escape").encode("latin-1")
    answer = _error(function.client.invoke, FunctionName=function.name, Payload=payload)["Error"]

    scenario = f"TestLambdaErrors::test_lambda_invoke_payload_encoding_error[{text}]"
    recorded = _recorded(scenario, f"invoke_function_invalid_payload_{name}")["Error"]
    assert answer["Code"] == recorded["Code"]
    assert answer["Message"].split("json: ")[:2] == recorded["Message"].split("json: ")[:2]


def test_a_function_that_is_not_there_is_told_as_by_aws(account):
    """The message ends in the version that was asked for."""
    answer = _error(account.client("lambda").invoke, FunctionName="doesnotexist")

    recorded = _recorded("TestLambdaFeatures::test_invoke_exceptions", "invoke_function_doesnotexist")
    assert _differences(answer, recorded) == []


def test_reserved_concurrency_is_answered_as_by_aws(account):
    """It is put, read, seen with the function, and deleted; by default there is none."""
    function = make_function(account, _ECHO)
    client, name = function.client, {"FunctionName": function.name}
    scenario = "TestLambdaConcurrency::test_lambda_concurrency_crud"
    updates = "TestLambdaConcurrency::test_lambda_concurrency_update"

    steps = [
        (scenario, "get_function_concurrency_default", client.get_function_concurrency(**name)),
        (scenario, "put_function_concurrency", client.put_function_concurrency(ReservedConcurrentExecutions=0, **name)),
        (scenario, "get_function_concurrency_updated", client.get_function_concurrency(**name)),
        (updates, "put_function_concurrency", client.put_function_concurrency(ReservedConcurrentExecutions=3, **name)),
    ]
    whole = client.get_function(**name)
    client.delete_function_concurrency(**name)
    steps.append((scenario, "get_function_concurrency_deleted", client.get_function_concurrency(**name)))

    assert [each for run, step, answer in steps for each in _differences(answer, _recorded(run, step))] == []
    assert whole["Concurrency"] == _recorded(updates, "get_function_concurrency_info")["Concurrency"]


def test_a_function_of_no_concurrency_is_told_as_by_aws(account):
    """A call is 429 with its reason; an event goes to the destination at once, with ZeroReservedConcurrency."""
    scenario, queue = "TestLambdaConcurrency::test_reserved_concurrency", new_queue(account)
    function = make_function(account, _ECHO)
    client, name = function.client, function.name
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)

    refused = _error(client.invoke, FunctionName=name)
    destination = {"OnFailure": {"Destination": queue.arn}}
    config = client.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig=destination
    )
    answer = _invoke(function, InvocationType="Event")
    (body,) = messages(account, queue, at_least=1)

    assert _differences(refused, _recorded(scenario, "exc_no_cap_requestresponse")) == []
    assert _differences(config, _recorded(scenario, "put_event_invoke_conf")) == []
    assert _differences(answer, _recorded(scenario, "invoke_result")) == []
    assert _differences(json.loads(body), _recorded(scenario, "msg")["Body"]) == []


def _provisioned(function: Deployed, version: str, count: int) -> list[dict[str, Any]]:
    """Return what the call answers, what is said just after, and once it has ended."""
    client, name = function.client, {"FunctionName": function.name, "Qualifier": version}
    put = client.put_provisioned_concurrency_config(ProvisionedConcurrentExecutions=count, **name)
    eventually(lambda: client.get_provisioned_concurrency_config(**name)["Status"] != "IN_PROGRESS")
    return [put, client.get_provisioned_concurrency_config(**name)]


def test_provisioned_concurrency_is_answered_as_by_aws(account):
    """IN_PROGRESS with nothing allocated, then READY; reserved concurrency cannot go below it, nor it above."""
    scenario = "TestLambdaConcurrency::test_reserved_provisioned_overlap"
    function = make_function(account, _ECHO)
    client, name = function.client, function.name
    version = client.publish_version(FunctionName=name)["Version"]

    put, after = _provisioned(function, version, 2)
    lower = _error(client.put_function_concurrency, FunctionName=name, ReservedConcurrentExecutions=1)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    latest = _error(client.invoke, FunctionName=name)
    more = {"Qualifier": version, "ProvisionedConcurrentExecutions": 3}
    above = _error(client.put_provisioned_concurrency_config, FunctionName=name, **more)

    assert _differences(put, _recorded(scenario, "put_provisioned_5")) == []
    assert _differences(after, _recorded(scenario, "get_provisioned_postwait")) == []
    assert _differences(lower, _recorded(scenario, "reserved_lower_than_provisioned_exc")) == []
    assert _differences(latest, _recorded(scenario, "reserved_equals_provisioned_latest_invoke_exc")) == []
    assert _differences(above, _recorded(scenario, "reserved_equals_provisioned_increase_provisioned_exc")) == []


def test_provisioned_concurrency_of_broken_code_fails_as_on_aws(account):
    """Environments that cannot start leave FAILED with FUNCTION_ERROR_INIT_FAILURE."""
    function = make_function(account, "raise Exception('no')\n")
    version = function.client.publish_version(FunctionName=function.name)["Version"]

    _, after = _provisioned(function, version, 1)

    recorded = _recorded("TestLambdaConcurrency::test_provisioned_concurrency_init_failure", "get_provisioned_postwait")
    assert _differences(after, recorded) == []


def test_an_alias_is_answered_as_by_aws(account):
    """The answer names the version that ran, the context the alias that was called, and one not there is refused."""
    scenario = "TestLambdaAliases::test_lambda_alias_moving"
    source = (
        "def handler(event, context):\n"
        "    return {'version_id': 'version1', 'invoked_arn': context.invoked_function_arn,\n"
        "            'version_from_ctx': context.function_version}\n"
    )
    function = make_function(account, source)
    client, name = function.client, function.name
    version = client.publish_version(FunctionName=name, Description="First version description :)")["Version"]
    client.create_alias(FunctionName=name, Name="alias1", FunctionVersion=version)

    answer = _invoke(function, Qualifier="alias1")
    missing = _error(client.invoke, FunctionName=name, Qualifier="non-existent-alias")

    assert _differences(answer, _recorded(scenario, "invocation_result_qualifier_v1")) == []
    assert _differences(missing, _recorded(scenario, "invocation_exc_not_existent")) == []


_TELLS_ITS_VERSION = (
    "def handler(event, context):\n"
    "    return {{'version_id': 'version{number}', 'invoked_arn': context.invoked_function_arn,\n"
    "            'version_from_ctx': context.function_version}}\n"
)


def test_versions_with_changes_of_code_are_answered_as_by_aws(account):
    """Each version keeps its code; one that is published with its code is told as Pending, by its own ARN."""
    recorded = _recordings()["TestLambdaVersions::test_lambda_versions_with_code_changes"]["recorded-content"]
    function = make_function(account, _TELLS_ITS_VERSION.format(number=1), Description="No version :(", Timeout=3)
    client, named = function.client, {"FunctionName": function.name}
    steps = {"first_publish_response": client.publish_version(**named, Description="First version description :)")}
    code = {"ZipFile": archive({"app.py": _TELLS_ITS_VERSION.format(number=2)})}
    steps["update_lambda_response"] = client.update_function_code(**named, **code)
    steps["invocation_result_latest"] = _invoke(function)
    steps["invocation_result_v1"] = _invoke(function, Qualifier="1")
    second = client.publish_version(**named, Description="Second version description :)")
    steps |= {"second_publish_response": second, "invocation_result_v2": _invoke(function, Qualifier="2")}
    code = {"ZipFile": archive({"app.py": _TELLS_ITS_VERSION.format(number=3)})}
    published = client.update_function_code(**named, **code, Publish=True)
    steps["update_lambda_response_with_publish"] = published
    steps["invocation_result_v3"] = _invoke(function, Qualifier="3")
    steps["invocation_result_latest_end"] = _invoke(function)
    steps["invocation_result_v2_end"] = _invoke(function, Qualifier="2")
    steps["invocation_result_v1_end"] = _invoke(function, Qualifier="1")

    assert {*recorded} - {*steps} == {"create_response"}
    assert (published["FunctionArn"][-2:], "LastUpdateStatus" in published) == (":3", False)
    assert [each for step, answer in steps.items() for each in _version_differences(answer, recorded[step])] == []


def _version_differences(answer, recorded):
    free = {
        "Handler",
        "Runtime",
        "CodeSize",
        "CodeSha256",
        "MemorySize",
        "Timeout",
    }  # of the functions that were recorded
    return _differences(answer, {name: value for name, value in recorded.items() if name not in free})


def test_function_made_with_a_version_is_answered_as_by_aws(account):
    """CreateFunction with Publish tells the version's number with the ARN of the function, and it is there at once."""
    recorded = _recordings()["TestLambdaFeatures::test_invocation_with_qualifier"]["recorded-content"]
    client, name = account.client("lambda"), f"tested-{uuid.uuid4().hex[:8]}"
    source = "def handler(event, context):\n    return {'function_version': context.function_version}\n"

    made = client.create_function(
        FunctionName=name,
        Handler="app.handler",
        Runtime="python3.12",
        Role=role(account),
        Code={"ZipFile": archive({"app.py": source})},
        Timeout=10,
        Publish=True,
    )
    answer = client.invoke(FunctionName=name, Qualifier="1")

    assert _version_differences(made, recorded["creation-response"]) == []
    assert made["FunctionArn"].endswith(f":function:{name}")
    assert answer["ExecutedVersion"] == recorded["invocation-response"]["ExecutedVersion"]
    assert json.loads(answer["Payload"].read()) == {"function_version": "1"}
