"""The Content-Type of an answer is its protocol's."""

from typing import Any

import pytest
from embedded_account.wiring.content_types import content_type

_JSON = {"HTTP_X_AMZ_TARGET": "Logs.CreateLogGroup", "CONTENT_TYPE": "application/x-amz-json-1.1"}
_LAMBDA = {"HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/lambda/aws4_request, Signature=1"}
_S3 = {"QUERY_STRING": "X-Amz-Signature=1&X-Amz-Credential=A%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"}


@pytest.mark.parametrize(
    ("request_", "given", "expected"),
    [
        (_JSON, "text/html; charset=utf-8", "application/x-amz-json-1.1"),
        (_JSON, "application/json", "application/x-amz-json-1.1"),
        ({"HTTP_SMITHY_PROTOCOL": "rpc-v2-cbor", "CONTENT_TYPE": "application/cbor"}, "text", "application/cbor"),
        (_LAMBDA, "text/html", "application/json"),
        (_S3, "text/html", "application/xml"),
        (_S3, "image/png", "image/png"),
        ({}, "text/html", "text/html"),
    ],
)
def test_answer_has_the_content_type_of_its_protocol(request_: dict[str, Any], given: str, expected: str) -> None:
    """What moto says of a body that it knows stays; text/html is nothing that AWS answers with."""
    assert content_type(request_, given) == expected
