"""Function URLs: signed requests over HTTP, as events of payload format 2.0, and what comes back."""

import base64
import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from embedded_account.lambda_.url_events import answer_of
from embedded_account.pytest_plugin import RunningAccount
from support.functions import Deployed

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "corpora" / "aws-recorded" / "test_lambda.json"
ECHO = """import json
def handler(event, context):
    return {"statusCode": 201, "headers": {"X-A": "b"}, "body": json.dumps(event)}
"""
NewFunction = Callable[..., Deployed]
Send = Callable[..., tuple[int, dict[str, str], bytes]]


@pytest.fixture
def send(account: RunningAccount) -> Send:
    """Send a request, signed with the account's root key for `service` unless `key` is None."""

    def call(
        url: str,
        body: bytes = b"",
        method: str = "POST",
        *,
        service: str = "lambda",
        key: str | None = "",
        **headers: str,
    ) -> tuple[int, dict[str, str], bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest(method, url, data=body, headers=named)
        if key is not None:
            credentials = Credentials(key or account.info.access_key_id, account.info.secret_access_key)
            SigV4Auth(credentials, service, "us-east-1").add_auth(request)
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target, body, dict(request.headers.items()))
            answer = connection.getresponse()
            seen: dict[str, str] = {}
            for name, value in answer.getheaders():  # what comes twice is joined, as a browser joins it
                seen[name.lower()] = ", ".join(filter(None, (seen.get(name.lower()), value)))
            return answer.status, seen, answer.read()
        finally:
            connection.close()

    return call


@pytest.fixture(scope="module")
def echo(account: RunningAccount) -> Iterator[tuple[Deployed, str]]:
    """A function that answers with its event, and its URL."""
    from support.functions import make_function

    made = make_function(account, ECHO)
    url = made.client.create_function_url_config(FunctionName=made.name, AuthType="AWS_IAM")["FunctionUrl"]
    yield made, url
    made.client.delete_function(FunctionName=made.name)


def test_signed_request_reaches_the_function_as_format_2(echo: tuple[Deployed, str], send: Send) -> None:
    """Developer guide, urls-invocation: the event has the 2.0 shape, names the caller, and joins repeated values.

    Source: Lambda developer guide, "Invoking Lambda function URLs".
    """
    function, url = echo

    status, headers, body = send(
        f"{url}a/b%20c?q=1&x=a&x=b", b'{"k": 1}', content_type="application/json", x_odd="Case"
    )

    event = json.loads(body)
    assert (status, headers["x-a"]) == (201, "b")
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "$default", "/a/b%20c")
    assert event["rawQueryString"] == "q=1&x=a&x=b"
    assert event["queryStringParameters"] == {"q": "1", "x": "a,b"}
    assert (event["body"], event["isBase64Encoded"], event["headers"]["x-odd"]) == ('{"k": 1}', False, "Case")
    context = event["requestContext"]
    assert (context["http"]["method"], context["http"]["path"]) == ("POST", "/a/b%20c")
    assert context["requestId"] == headers["x-amzn-requestid"]
    assert context["authorizer"]["iam"]["userArn"] == "arn:aws:iam::123456789012:root"
    assert "authorization" not in event["headers"]
    assert function.client.get_function_url_config(FunctionName=function.name)["AuthType"] == "AWS_IAM"


def test_bytes_arrive_in_base64(echo: tuple[Deployed, str], send: Send) -> None:
    """Developer guide, urls-invocation: a body that is not text is encoded, and the event says so.

    Source: Lambda developer guide, "Invoking Lambda function URLs".
    """
    _, _, body = send(echo[1], b"\xff\xd8\xff", content_type="image/jpeg")

    event = json.loads(body)
    assert (event["isBase64Encoded"], base64.b64decode(event["body"])) == (True, b"\xff\xd8\xff")


@pytest.mark.parametrize(
    "options", [{"key": None}, {"key": "AKIAUNKNOWNUNKNOWNUN"}, {"service": "s3"}, {"service": "execute-api"}], ids=str
)
def test_request_that_is_not_signed_for_lambda_is_forbidden(
    echo: tuple[Deployed, str], send: Send, options: dict[str, Any]
) -> None:
    """Developer guide, urls-auth: with AWS_IAM each request must be signed, for the service lambda; else 403.

    Source: Lambda developer guide, "Control access to Lambda function URLs".
    """
    status, headers, body = send(echo[1], b"{}", **options)

    assert (status, headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
    assert json.loads(body)["Message"].startswith("Forbidden. For troubleshooting Function URL authorization issues")


def test_body_changed_on_the_way_is_forbidden(echo: tuple[Deployed, str], account: RunningAccount) -> None:
    """The signature covers the body.

    Source: Lambda developer guide, "Control access to Lambda function URLs".
    """
    request = AWSRequest("POST", echo[1], data=b"{}")
    SigV4Auth(Credentials(account.info.access_key_id, account.info.secret_access_key), "lambda", "us-east-1").add_auth(
        request
    )
    connection = http.client.HTTPConnection(urlsplit(echo[1]).netloc, timeout=10)

    connection.request("POST", "/", b'{"evil": 1}', dict(request.headers.items()))

    assert connection.getresponse().status == 403
    connection.close()


def test_function_error_is_502(function: NewFunction, send: Send) -> None:
    """Developer guide, urls-invocation: an exception in the function becomes Bad Gateway, without its text.

    Source: Lambda developer guide, "Invoking Lambda function URLs".
    """
    made = function("def handler(event, context):\n    raise ValueError('secret')\n")
    url = made.client.create_function_url_config(FunctionName=made.name, AuthType="AWS_IAM")["FunctionUrl"]

    status, _, body = send(url, b"{}")

    assert (status, b"secret" in body) == (502, False)


def test_throttled_request_is_429_with_a_hint(function: NewFunction, send: Send) -> None:
    """Developer guide, urls-invocation: no concurrency left is Too Many Requests.

    Source: Lambda developer guide, "Invoking Lambda function URLs".
    """
    made = function("def handler(event, context):\n    return 1\n")
    url = made.client.create_function_url_config(FunctionName=made.name, AuthType="AWS_IAM")["FunctionUrl"]
    made.client.put_function_concurrency(FunctionName=made.name, ReservedConcurrentExecutions=0)

    status, headers, _ = send(url, b"{}")

    assert (status, headers["retry-after"], headers["x-amzn-errortype"]) == (429, "1", "TooManyRequestsException")


def test_url_of_an_alias_invokes_its_version(function: NewFunction, send: Send) -> None:
    """API reference, CreateFunctionUrlConfig: the qualifier is an alias; its requests run the alias' version.

    Source: Lambda API reference, CreateFunctionUrlConfig.
    """
    made = function("def handler(event, context):\n    return context.function_version\n")
    version = made.publish()
    made.client.create_alias(FunctionName=made.name, Name="live", FunctionVersion=version)
    options = {"FunctionName": made.name, "Qualifier": "live"}
    url = made.client.create_function_url_config(**options, AuthType="AWS_IAM")["FunctionUrl"]

    assert send(url)[2] == version.encode()

    listed = made.client.list_function_url_configs(FunctionName=made.name)["FunctionUrlConfigs"]
    assert [(one["FunctionUrl"], one["FunctionArn"].endswith(":live")) for one in listed] == [(url, True)]
    made.client.delete_function_url_config(**options)
    with pytest.raises(ConnectionRefusedError, match="refused"):
        send(url)


def test_cors_is_answered_by_lambda_itself(function: NewFunction, send: Send) -> None:
    """Developer guide, urls-configuration: Lambda adds the configured headers, and answers preflights itself.

    Source: Lambda developer guide, "Creating and managing Lambda function URLs".
    """
    made = function("def handler(event, context):\n    return 1\n")
    cors = {"AllowOrigins": ["https://app.example"], "AllowMethods": ["POST"], "AllowHeaders": ["x-a"], "MaxAge": 60}
    made.client.create_function_url_config(FunctionName=made.name, AuthType="AWS_IAM", Cors=cors)
    url = made.client.get_function_url_config(FunctionName=made.name)["FunctionUrl"]
    asked = {"origin": "https://app.example", "access_control_request_method": "POST"}

    status, headers, _ = send(url, method="OPTIONS", key=None, **asked)

    assert (status, headers["access-control-allow-origin"]) == (200, "https://app.example")
    assert (headers["access-control-allow-methods"], headers["access-control-max-age"]) == ("POST", "60")
    assert "access-control-allow-origin" not in send(url, origin="https://other.example")[1]


def test_cors_headers_of_the_function_come_beside_the_urls(function: NewFunction, send: Send) -> None:
    """A function that sends them too spoils its answer for a browser, here as on AWS.

    Source: aws-powertools/powertools-lambda-python issue 4163.
    """
    made = function(
        "def handler(event, context):\n"
        "    own = {'Access-Control-Allow-Origin': 'https://app.example'}\n"
        "    return {'statusCode': 200, 'headers': own, 'body': event['requestContext']['domainName']}\n"
    )
    made.client.create_function_url_config(
        FunctionName=made.name, AuthType="AWS_IAM", Cors={"AllowOrigins": ["https://app.example"]}
    )
    url = made.client.get_function_url_config(FunctionName=made.name)["FunctionUrl"]

    status, headers, body = send(url, origin="https://app.example")

    assert (status, headers["access-control-allow-origin"]) == (200, "https://app.example, https://app.example")
    assert body.endswith(b".lambda-url.us-east-1.on.aws")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"AuthType": "AWS_IAM", "Cors": {"AllowMethods": ["OPTIONS"]}}, "ValidationException"),
        ({"AuthType": "AWS_IAM", "InvokeMode": "RESPONSE_STREAM"}, "NotImplemented"),
        ({"AuthType": "AWS_IAM", "Qualifier": "missing"}, "ResourceNotFoundException"),
        ({"AuthType": "AWS_IAM"}, "ResourceConflictException"),
    ],
    ids=str,
)
def test_url_that_cannot_be_had_is_refused(echo: tuple[Deployed, str], options: dict[str, str], code: str) -> None:
    """What the account does not carry out is named, and a function has one URL at most.

    Source: Lambda API reference, CreateFunctionUrlConfig.
    """
    with pytest.raises(ClientError, match=rf"\({code}\)"):
        echo[0].client.create_function_url_config(FunctionName=echo[0].name, **options)


def recorded_answers() -> list[tuple[Any, dict[str, Any]]]:
    """Return what functions answered and what AWS made of it over HTTP."""
    scenarios = json.loads(RECORDED.read_text())
    prefix = "tests/aws/services/lambda_/test_lambda.py::TestLambdaURL::test_lambda_url_invocation["
    answers = {
        "dict": {"hello": "world"}, "list-mixed": ["hello", 3, True], "string": "hello", "integer": 3, "float": 3.1,
        "boolean": True, "http-response": {"statusCode": 200, "body": "body123"},
        "http-response-json": {"statusCode": 200, "body": json.dumps({"hello": "world"})},
    }  # fmt: skip
    pairs = [(value, scenarios.get(f"{prefix}{name}]")) for name, value in answers.items()]
    return [(value, one["recorded-content"]["lambda_url_invocation"]) for value, one in pairs if one]


@pytest.mark.skipif(not RECORDED.is_file(), reason="the corpora are not in this checkout")
def test_answers_become_what_aws_made_of_them() -> None:
    """Each kind of answer that was recorded on AWS gives the same status, type and body here.

    Source: Lambda developer guide, "Invoking Lambda function URLs".
    """
    recorded = recorded_answers()

    for value, expected in recorded:
        answer = answer_of(json.dumps(value).encode(), "r")
        text = expected["content"] if isinstance(expected["content"], str) else json.dumps(expected["content"])
        assert answer.status == expected["statuscode"]
        assert answer.headers["Content-Type"] == expected["headers"]["Content-Type"]
        assert answer.body.decode().replace(" ", "") == text.replace(" ", "")

    assert len(recorded) >= 5


@pytest.mark.parametrize(
    "answer",
    [{"statusCode": "x"}, {"statusCode": 200, "isBase64Encoded": True, "body": "?"}, {"statusCode": 200, "headers": 5}],
)
def test_answer_that_is_malformed_is_bad_gateway(answer: Any) -> None:
    """Developer guide, urls-invocation: a response that is not well formed is 502.

    Source: Lambda developer guide, "Invoking Lambda function URLs".
    """
    assert answer_of(json.dumps(answer).encode(), "r").status == 502


def test_answer_may_carry_bytes_and_cookies() -> None:
    """Base64 is decoded on the way out.

    Source: Lambda developer guide, "Invoking Lambda function URLs".
    """
    answer = {
        "statusCode": 200,
        "isBase64Encoded": True,
        "body": "/9j/",
        "headers": {"content-type": "image/jpeg"},
        "cookies": ["a=b"],
    }

    made = answer_of(json.dumps(answer).encode(), "r")

    assert made.body == b"\xff\xd8\xff"
    assert (made.headers["content-type"], made.cookies, "Content-Type" in made.headers) == (
        "image/jpeg",
        ("a=b",),
        False,
    )


def test_all_cookies_reach_the_client(function: NewFunction, account: RunningAccount) -> None:
    """A browser keeps both."""
    made = function("def handler(event, context):\n    return {'statusCode': 200, 'cookies': ['a=b', 'c=d']}\n")
    url = made.client.create_function_url_config(FunctionName=made.name, AuthType="AWS_IAM")["FunctionUrl"]
    request = AWSRequest("GET", url)
    credentials = Credentials(account.info.access_key_id, account.info.secret_access_key)
    SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)

    connection.request("GET", "/", headers=dict(request.headers.items()))

    assert connection.getresponse().headers.get_all("Set-Cookie") == ["a=b", "c=d"]
    connection.close()
