"""How large a function's code and layers may be. Source: Lambda developer guide, "Lambda quotas"."""

from pathlib import Path

import pytest
from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.lambda_ import packages
from support.functions import archive

_MB = 1 << 20


def test_an_upload_of_50_mb_passes() -> None:
    """A request carries the archive in base64, with a little room for the rest."""
    packages.check_upload("CreateFunction", {"ZipFile": bytes(50 * _MB)})


def test_a_larger_upload_must_come_from_s3() -> None:
    """The error is that of a request that is too large; code from S3 has no size in the request."""
    with pytest.raises(
        ServiceError, match="Request must be smaller than 70167211 bytes for the CreateFunction"
    ) as caught:
        packages.check_upload("CreateFunction", {"ZipFile": bytes(51 * _MB)})

    assert caught.value.code == "RequestEntityTooLargeException"
    packages.check_upload("CreateFunction", {"S3Bucket": "b", "S3Key": "k"})


def test_code_and_layers_share_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fits, and both do not."""
    monkeypatch.setattr(packages, "_MAX_UNZIPPED_BYTES", 1000)
    one, other = archive({"app.py": "x" * 600}), archive({"python/y.py": "y" * 401})

    packages.check_combined([one])
    with pytest.raises(ServiceError, match="combined with layers exceeds the maximum allowed size of 1000 bytes"):
        packages.check_combined([one, other])


def test_a_layer_is_checked_when_it_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be no larger than a function, and must be a zip file."""
    monkeypatch.setattr(packages, "_MAX_UNZIPPED_BYTES", 1000)

    packages.check_layer({"Content": {"ZipFile": archive({"python/x.py": "x" * 1000})}})
    with pytest.raises(ServiceError, match="Unzipped size must be smaller than 1000 bytes"):
        packages.check_layer({"Content": {"ZipFile": archive({"python/x.py": "x" * 1001})}})
    with pytest.raises(ServiceError, match="Could not unzip uploaded file"):
        packages.check_layer({"Content": {"ZipFile": b"no zip"}})


def test_too_much_code_is_not_unpacked(bare_account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of it is left on disk."""
    monkeypatch.setattr(packages, "_MAX_UNZIPPED_BYTES", 10)

    with pytest.raises(ServiceError, match="Unzipped size must be smaller than 10 bytes"):
        packages.Packages(bare_account).unpack(archive({"app.py": "x" * 11}), "0" * 64)

    assert not list((tmp_path / "work" / "lambda" / "packages").iterdir())
