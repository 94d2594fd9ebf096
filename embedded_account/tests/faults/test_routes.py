"""Requests are told apart as AWS tells them apart."""

import io
from copy import deepcopy
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.model import ServiceModel
from embedded_account.data_files import data_loader
from embedded_account.faults import routes
from embedded_account.faults.routes import identify

_CALLS = [
    ("s3", "put_object", {"Bucket": "b", "Key": "a/b c.txt", "Body": b"x"}),
    ("s3", "copy_object", {"Bucket": "b", "Key": "k", "CopySource": "b/a"}),
    ("s3", "get_object", {"Bucket": "b", "Key": "k"}),
    ("s3", "list_objects_v2", {"Bucket": "b", "Prefix": "p"}),
    ("s3", "list_buckets", {}),
    ("s3", "create_bucket", {"Bucket": "b"}),
    ("s3", "head_object", {"Bucket": "b", "Key": "k"}),
    ("s3", "upload_part", {"Bucket": "b", "Key": "k", "UploadId": "u", "PartNumber": 1, "Body": b"x"}),
    ("s3", "create_multipart_upload", {"Bucket": "b", "Key": "k"}),
    ("s3", "abort_multipart_upload", {"Bucket": "b", "Key": "k", "UploadId": "u"}),
    ("s3", "get_bucket_policy", {"Bucket": "b"}),
    ("sagemaker", "create_endpoint", {"EndpointName": "e", "EndpointConfigName": "c"}),
    ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "e", "Body": b"x"}),
    ("lambda", "invoke", {"FunctionName": "f"}),
    ("lambda", "get_function", {"FunctionName": "f"}),
    ("lambda", "list_functions", {}),
    ("stepfunctions", "start_execution", {"stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:m"}),
    ("cloudformation", "describe_stacks", {}),
    ("cloudwatch", "put_metric_data", {"Namespace": "n", "MetricData": []}),
    ("sqs", "send_message", {"QueueUrl": "https://queue", "MessageBody": "m"}),
    ("scheduler", "get_schedule", {"Name": "s"}),
    ("dynamodb", "put_item", {"TableName": "t", "Item": {}}),
    ("iam", "get_role", {"RoleName": "r"}),
]


_new_client: Any = boto3.client  # its stub wants the service as a literal


@pytest.mark.parametrize(("service", "method", "arguments"), _CALLS, ids=[f"{s}:{m}" for s, m, _ in _CALLS])
def test_a_signed_request_is_identified(service: str, method: str, arguments: dict[str, Any]) -> None:
    """The service and the operation that boto3 was asked for come out of the request that it signs."""
    client = _new_client(service, aws_access_key_id="AKIATEST", aws_secret_access_key="s", region_name="us-east-1")
    operation = client.meta.method_to_api_mapping[method]
    seen: list[Any] = []

    def record(request: Any, **_: Any) -> AWSResponse:
        seen.append(identify(_environ(request)))
        return AWSResponse(request.url, 400, HTTPHeaders(), io.BytesIO(b""))

    client.meta.events.register("before-send", record)
    try:
        getattr(client, method)(**arguments)
    except Exception:  # noqa: BLE001 (the answer made up above is none of the service's)
        assert seen

    assert (seen[0].service, seen[0].operation, seen[0].access_key) == (service, operation, "AKIATEST")


def test_a_presigned_url_is_identified() -> None:
    """A request that is signed in its query string is known as well."""
    client = _new_client("s3", aws_access_key_id="AKIATEST", aws_secret_access_key="s", region_name="us-east-1",
                          config=Config(signature_version="s3v4"))  # fmt: skip
    url = client.generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"})
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/b/k", "QUERY_STRING": url.partition("?")[2]}

    call = identify(environ)

    assert call is not None
    assert (call.service, call.operation, call.access_key) == ("s3", "GetObject", "AKIATEST")


def test_an_unsigned_request_is_none_of_a_service() -> None:
    """A health check or a browser's request is left alone."""
    assert identify({"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": ""}) is None


def _environ(request: Any) -> dict[str, Any]:
    parts = urlsplit(request.url)
    host, path = parts.netloc, unquote(parts.path)
    if host.startswith("b.s3"):  # virtual-hosted style, which an address of digits never gets
        path = "/b" + path
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b""
    environ = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": path,
        "QUERY_STRING": parts.query,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    for name, value in request.headers.items():
        text = value.decode() if isinstance(value, bytes) else str(value)
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = text
        if name.lower() == "content-type":
            environ["CONTENT_TYPE"] = text
    return environ


def test_a_model_that_a_client_has_used_is_still_read():
    """botocore takes the bucket out of an operation's path when a client of S3 first calls it."""
    description = deepcopy(data_loader().load_service_model("s3", "service-2"))
    description["operations"]["CreateBucket"]["http"] |= {"requestUri": "", "authPath": "/{Bucket}/"}

    route = routes._route(ServiceModel(description, "s3"), "CreateBucket")

    assert route.path.fullmatch("/pets")
    assert not route.path.fullmatch("/pets/a.jpg")
