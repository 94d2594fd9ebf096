"""The statuses of S3's errors. Source: S3 API reference, "Error responses"."""

import pytest
from embedded_account.s3.statuses import status_of


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("NoSuchBucketPolicy", 404),
        ("NoSuchTagSet", 404),
        ("ServerSideEncryptionConfigurationNotFoundError", 404),
        ("BucketNotEmpty", 409),
        ("MethodNotAllowed", 405),
        ("PreconditionFailed", 412),
        ("InvalidRange", 416),
        ("MalformedXML", 400),
    ],
)
def test_error_has_the_status_of_aws(code: str, status: int) -> None:
    """Scripts look at the status alone, since HEAD has no body."""
    assert status_of(code).startswith(f"{status} ")
