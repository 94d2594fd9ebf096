"""What a function's packages take on disk."""

import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest
from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.lambda_ import packages
from embedded_account.lambda_.packages import Packages, check_combined, check_upload


def _archive(content: bytes) -> tuple[bytes, str]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("function.py", content)
    return archive.getvalue(), hashlib.sha256(content).hexdigest()


def test_replaced_packages_go_while_the_account_runs(bare_account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the oldest goes with the next one that is unpacked, unless a function or environment has it."""
    monkeypatch.setattr(packages, "PACKAGE_BYTES", 250)
    used: list[Path] = []
    bare_account.expose_running("code folders", lambda: used)
    unpacked = Packages(bare_account)
    folders = []
    for number in range(4):
        folders.append(unpacked.unpack(*_archive(bytes([number]) * 100)))
        os.utime(folders[-1], (1e9 + number, 1e9 + number))
        used[:] = folders[:1]

    assert [folder.exists() for folder in folders] == [True, False, False, True]


def test_upload_in_a_request_has_a_limit() -> None:
    """What is sent with the request is 50 MB at most, in base64. Source: Lambda developer guide, "Lambda quotas"."""
    check_upload("CreateFunction", {"ZipFile": b"0" * 50 * 1024 * 1024})

    with pytest.raises(ServiceError, match="Request must be smaller than 70167211 bytes for the CreateFunction"):
        check_upload("CreateFunction", {"ZipFile": b"0" * 51 * 1024 * 1024})


def test_code_and_layers_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may fit where both do not. Source: Lambda developer guide, "Lambda quotas"."""
    monkeypatch.setattr(packages, "_MAX_UNZIPPED_BYTES", 250)
    archives = [_archive(bytes(size))[0] for size in (100, 150)]
    check_combined(archives)

    with pytest.raises(ServiceError, match=r"combined with layers exceeds .* 250 bytes. The actual size is 251 bytes"):
        check_combined([archives[0], _archive(bytes(151))[0]])
