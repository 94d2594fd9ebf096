"""Who may use a Function URL."""

import json
import re
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from support.functions import Deployed, make_function

pytestmark = pytest.mark.account

ECHO = "def handler(event, context):\n    return event\n"
ALLOWED = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")


@pytest.fixture(scope="module")
def echo(account: Any) -> tuple[Deployed, str]:
    """A function that answers with its event, and its URL."""
    made = make_function(account, ECHO)
    return made, made.client.create_function_url_config(FunctionName=made.name, AuthType="AWS_IAM")["FunctionUrl"]


@pytest.mark.parametrize("actions", [ALLOWED, ALLOWED[:1], ALLOWED[1:]], ids="+".join)
def test_role_needs_both_permissions(account: Any, echo: tuple[Deployed, str], actions: tuple[str, ...]) -> None:
    """Developer guide, urls-auth: a caller needs lambda:InvokeFunctionUrl and lambda:InvokeFunction on the function.

    Source: Lambda developer guide, "Control access to Lambda function URLs".
    """
    arn = echo[0].client.get_function(FunctionName=echo[0].name)["Configuration"]["FunctionArn"]
    session = account.session({"Effect": "Allow", "Action": list(actions), "Resource": [arn, f"{arn}:*"]})

    if actions != ALLOWED:
        with pytest.raises(HTTPError, match="403"):
            post(echo[1], session)
        return

    caller = post(echo[1], session)["requestContext"]["authorizer"]["iam"]
    assert re.search(r":assumed-role/session-\w+/session$", caller["userArn"])
    assert caller["accessKey"] == session["AccessKeyId"]


@pytest.fixture
def public(account: Any) -> tuple[Deployed, str]:
    """A function that answers with its event, and its URL of AuthType NONE."""
    made = make_function(account, ECHO)
    return made, made.client.create_function_url_config(FunctionName=made.name, AuthType="NONE")["FunctionUrl"]


def open_to_all(function: Deployed, action: str) -> None:
    """Let everybody do `action` with `function` through its URL, as the console does."""
    through: dict[str, dict[str, Any]] = {
        "lambda:InvokeFunctionUrl": {"FunctionUrlAuthType": "NONE"},
        "lambda:InvokeFunction": {"InvokedViaFunctionUrl": True},
    }
    function.client.add_permission(
        FunctionName=function.name, StatementId=action[7:], Action=action, Principal="*", **through[action]
    )


@pytest.mark.parametrize("actions", [(), ALLOWED[:1], ALLOWED[1:]], ids=str)
def test_public_url_without_both_statements_is_forbidden(
    public: tuple[Deployed, str], actions: tuple[str, ...]
) -> None:
    """Developer guide, urls-auth: with NONE the function's policy is still in effect, and needs both statements.

    Source: Lambda developer guide, "Control access to Lambda function URLs".
    """
    for action in actions:
        open_to_all(public[0], action)

    with pytest.raises(HTTPError, match="403") as refused:
        urlopen(public[1], timeout=10)

    assert refused.value.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert json.load(refused.value)["Message"].startswith("Forbidden. For troubleshooting Function URL authorization")


def test_anybody_calls_a_public_url(public: tuple[Deployed, str]) -> None:
    """Nobody is authenticated: the event has no caller, and the function reads the Authorization header itself.

    Source: Lambda developer guide, "Invoking Lambda function URLs".
    """
    for action in ALLOWED:
        open_to_all(public[0], action)

    with urlopen(Request(public[1], headers={"Authorization": "Bearer t"}), timeout=10) as answer:
        event = json.load(answer)

    context = event["requestContext"]
    assert (context["accountId"], "authorizer" in context, "authentication" in context) == ("anonymous", False, False)
    assert event["headers"]["authorization"] == "Bearer t"
    assert public[0].client.get_function_url_config(FunctionName=public[0].name)["AuthType"] == "NONE"


def test_public_url_answers_by_its_own_name_alone(public: tuple[Deployed, str]) -> None:
    """A page whose host name is made to mean this machine reads nothing, as a foreign Host reaches no URL of AWS."""
    for action in ALLOWED:
        open_to_all(public[0], action)

    with pytest.raises(HTTPError, match="403"):
        urlopen(Request(public[1], headers={"Host": "page.example"}), timeout=10)


def test_public_url_is_closed_by_an_update(public: tuple[Deployed, str]) -> None:
    """UpdateFunctionUrlConfig changes who may ask, at the same address.

    Source: Lambda API reference, UpdateFunctionUrlConfig.
    """
    for action in ALLOWED:
        open_to_all(public[0], action)

    changed = public[0].client.update_function_url_config(FunctionName=public[0].name, AuthType="AWS_IAM")

    assert (changed["FunctionUrl"], changed["AuthType"]) == (public[1], "AWS_IAM")
    with pytest.raises(HTTPError, match="403"):
        urlopen(public[1], timeout=10)


def post(url: str, session: dict[str, str]) -> Any:
    """Send a request that is signed by a session; return the answer."""
    signed = AWSRequest("POST", url, data=b"{}")
    credentials = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    SigV4Auth(credentials, "lambda", "us-east-1").add_auth(signed)
    headers = dict(signed.headers.items())
    with urlopen(Request(url, data=b"{}", headers=headers, method="POST"), timeout=10) as answer:
        return json.load(answer)
