"""Requests that no SDK would send, signed as an SDK signs them."""

from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

JSON_TARGETS = {
    "states": "AWSStepFunctions",
    "events": "AWSEvents",
    "dynamodb": "DynamoDB_20120810",
    "logs": "Logs_20140328",
    "sagemaker": "SageMaker",
    "sqs": "AmazonSQS",
    "ssm": "AmazonSSM",
    "kms": "TrentService",
}


def send(
    info: Any, service: str, body: bytes, *, method: str = "POST", path: str = "/", headers: dict[str, str]
) -> tuple[int, bytes]:
    """Return the status and the body of the answer to a request that is signed by the account's root."""
    request = AWSRequest(method, info.url + path, data=body, headers=headers)
    SigV4Auth(Credentials(info.access_key_id, info.secret_access_key), service, "us-east-1").add_auth(request)
    sent = request.prepare()
    plain = Request(sent.url, data=body or None, headers=dict(sent.headers), method=method)  # noqa: S310 (the account's)
    try:
        with urlopen(plain) as answer:  # noqa: S310
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


def send_json(info: Any, service: str, operation: str, body: bytes) -> tuple[int, bytes]:
    """Send `body` as the parameters of an operation of a service in JSON."""
    target = f"{JSON_TARGETS[service]}.{operation}"
    return send(info, service, body, headers={"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target})
