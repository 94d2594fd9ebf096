"""AWS's data files as the account reads them."""

from botocore.loaders import create_loader
from embedded_account.data_files import data_loader


def test_data_files_are_read_as_botocore_reads_them() -> None:
    """Plain dictionaries hold the same, in the same order."""
    ours, theirs = (each.load_service_model("events", "service-2") for each in (data_loader(), create_loader()))

    assert ours == theirs
    assert [*ours["shapes"]] == [*theirs["shapes"]]
