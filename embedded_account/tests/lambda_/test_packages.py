"""What a function's packages take on disk."""

import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest
from embedded_account.account import Account
from embedded_account.lambda_ import packages
from embedded_account.lambda_.packages import Packages


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
