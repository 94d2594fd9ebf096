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


def post(url: str, session: dict[str, str]) -> Any:
    """Send a request that is signed by a session; return the answer."""
    signed = AWSRequest("POST", url, data=b"{}")
    credentials = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    SigV4Auth(credentials, "lambda", "us-east-1").add_auth(signed)
    headers = dict(signed.headers.items())
    with urlopen(Request(url, data=b"{}", headers=headers, method="POST"), timeout=10) as answer:
        return json.load(answer)
