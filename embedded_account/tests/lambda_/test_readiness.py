"""When a function can be changed and invoked. Source: Lambda developer guide, "Lambda function states"."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError
from embedded_account.faults.remote import Faults
from embedded_account.pytest_plugin import AccountClock
from support.functions import Deployed, archive

NewFunction = Callable[..., Deployed]
_SOURCE = "def handler(e, c): return 'old'"
_NEWER = archive({"app.py": "def handler(e, c): return 'new'"})


def test_an_update_answers_that_it_is_in_progress(function: NewFunction) -> None:
    """Without AWS's delays it is done when it is asked for next."""
    deployed = function(_SOURCE)

    answer = deployed.client.update_function_code(FunctionName=deployed.name, ZipFile=_NEWER)

    assert (answer["LastUpdateStatus"], answer["LastUpdateStatusReasonCode"]) == ("InProgress", "Creating")
    after = deployed.client.get_function_configuration(FunctionName=deployed.name)
    assert after["LastUpdateStatus"] == "Successful"


def test_a_second_update_during_the_first_is_refused(
    function: NewFunction, faults: Faults, clock: AccountClock
) -> None:
    """UpdateFunctionConfiguration right after UpdateFunctionCode, and PublishVersion, find an update in progress."""
    deployed = function(_SOURCE)
    faults.add("delay-functions", name=deployed.name)
    deployed.client.update_function_code(FunctionName=deployed.name, ZipFile=_NEWER)

    for method, arguments in (
        ("update_function_configuration", {"Timeout": 5}),
        ("update_function_code", {"ZipFile": _NEWER}),
        ("publish_version", {}),
    ):
        with pytest.raises(ClientError, match="An update is in progress for resource: arn:aws:lambda") as caught:
            getattr(deployed.client, method)(FunctionName=deployed.name, **arguments)
        assert caught.value.response["Error"]["Code"] == "ResourceConflictException"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409

    clock.advance(3)
    deployed.client.update_function_configuration(FunctionName=deployed.name, Timeout=5)
    assert deployed.invoke().value == "new"


def test_a_new_function_is_pending(function: NewFunction, faults: Faults, clock: AccountClock) -> None:
    """It can neither be invoked nor changed until it is Active."""
    faults.add("delay-functions")
    deployed = function(_SOURCE)

    assert deployed.client.get_function(FunctionName=deployed.name)["Configuration"]["State"] == "Pending"
    for attempt in (deployed.invoke, deployed.publish):
        with pytest.raises(ClientError, match="currently in the following state: Pending"):
            attempt()

    clock.advance(3)
    assert deployed.client.get_function(FunctionName=deployed.name)["Configuration"]["State"] == "Active"
    assert deployed.invoke().value == "old"


def test_an_update_that_is_refused_changes_nothing(function: NewFunction) -> None:
    """Code that cannot be unpacked leaves the hash of the old one too."""
    deployed = function(_SOURCE)
    before = deployed.client.get_function_configuration(FunctionName=deployed.name)

    with pytest.raises(ClientError, match="Could not unzip uploaded file"):
        deployed.client.update_function_code(FunctionName=deployed.name, ZipFile=b"no zip file")

    assert deployed.client.get_function_configuration(FunctionName=deployed.name)["CodeSha256"] == before["CodeSha256"]
