"""What errors of S3 tell beside their code and their message."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.account


@pytest.mark.parametrize(
    ("method", "given", "member", "value"),
    [
        ("get_object", {"Key": "none"}, "Key", "none"),
        ("get_bucket_tagging", {}, "BucketName", "telling"),
        ("list_objects_v2", {"Bucket": "not-there"}, "BucketName", "not-there"),
    ],
)
def test_error_names_what_is_not_there(
    aws: Callable[[str], Any], method: str, given: dict[str, str], member: str, value: str
) -> None:
    """The key or the bucket stands in the error. Source: Amazon S3 API reference, "Error responses"."""
    s3 = aws("s3")
    s3.create_bucket(Bucket="telling")

    with pytest.raises(ClientError, match="NoSuch") as caught:
        getattr(s3, method)(**{"Bucket": "telling"} | given)

    error: Any = caught.value.response["Error"]
    assert error[member] == value
