"""AWS's data files as the account reads them."""

from typing import Any

from botocore.loaders import create_loader
from embedded_account.data_files import data_loader, new_session


def test_data_files_are_read_as_botocore_reads_them() -> None:
    """Plain dictionaries hold the same, in the same order."""
    ours, theirs = (each.load_service_model("events", "service-2") for each in (data_loader(), create_loader()))

    assert ours == theirs
    assert [*ours["shapes"]] == [*theirs["shapes"]]


def test_clients_leave_the_models_as_they_are() -> None:
    """botocore takes the bucket out of the path of each operation that a client calls; moto finds S3's by that path."""
    operation = data_loader().load_service_model("s3", "service-2")["operations"]["HeadBucket"]
    before = operation["http"]["requestUri"]
    client: Any = new_session("us-east-1").client("s3", aws_access_key_id="a", aws_secret_access_key="b")

    client.generate_presigned_url("head_bucket", Params={"Bucket": "pictures"})

    assert operation["http"]["requestUri"] == before == "/{Bucket}"
