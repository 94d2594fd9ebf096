"""What a function's process imports: its code, its layers, and the runtime's own packages, as folders on disk."""

import os
import shutil
import sys
import threading
import uuid
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from embedded_account.account import Account
from embedded_account.archives import ArchiveError
from embedded_account.archives.zips import ArchiveSizeError, extract, stated_bytes
from embedded_account.errors import ServiceError
from embedded_account.folders import PACKAGE_BYTES, trim

# What AWS's python runtimes hold beside the standard library: the runtime client and boto3, with what these need.
_RUNTIME_DISTRIBUTIONS = (
    "awslambdaric",
    "snapshot-restore-py",
    "simplejson",
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "python-dateutil",
    "six",
    "urllib3",
)
# Source: Lambda developer guide, "Lambda quotas": 50 MB zipped in a request, 250 MB unzipped with all layers.
_MAX_REQUEST_BYTES = 70_167_211
_MAX_UNZIPPED_BYTES = 262_144_000


class Packages:
    """Unpacks archives once each, by the hash of their content."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._folder = account.work_folder("lambda", "packages")
        self._unpacking = threading.Lock()
        self._runtime = (
            account.work_folder("lambda") / f"runtime-python{sys.version_info.major}.{sys.version_info.minor}"
        )

    def unpack(self, archive: bytes, digest: str) -> Path:
        """Return the folder that holds the content of the zip `archive`, whose SHA-256 in hexadecimal is `digest`.

        Raises:
            ServiceError: it is no zip file, or holds more than a function may.
        """
        folder = self._folder / digest[:32]
        with self._unpacking:  # a stack creates its functions at once, all of them with the same archive
            if folder.exists():
                folder.touch()  # it is among those that the next start keeps
            else:
                scratch = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")
                try:
                    _extract(archive, scratch)
                    scratch.rename(folder)
                finally:
                    shutil.rmtree(scratch, ignore_errors=True)
                trim(self._folder, PACKAGE_BYTES, {folder, *self._account.running("code folders")})
        return folder

    def runtime(self) -> Path:
        """Return a folder from which only the runtime's own packages can be imported; links to those installed here."""
        if not self._runtime.exists():
            scratch = self._runtime.with_name(f"{self._runtime.name}.{uuid.uuid4().hex}")
            scratch.mkdir()
            for name in _RUNTIME_DISTRIBUTIONS:
                _link_distribution(name, scratch)
            try:
                scratch.rename(self._runtime)
            except OSError:
                shutil.rmtree(scratch)
        return self._runtime


def check_upload(operation: str, content: Mapping[str, Any]) -> None:
    """Return when the archive in a request, which carries it in base64, is small enough to be sent.

    Raises:
        ServiceError: it must come from S3.
    """
    size = -(-len(content.get("ZipFile") or b"") // 3) * 4
    if size > _MAX_REQUEST_BYTES:
        raise ServiceError(
            "RequestEntityTooLargeException",
            f"Request must be smaller than {_MAX_REQUEST_BYTES} bytes for the {operation} operation",
        )


def check_layer(params: Mapping[str, Any]) -> None:
    """Return when a request for a layer version has content that a layer may have.

    Raises:
        ServiceError: it is too large, or no zip file.
    """
    check_upload("PublishLayerVersion", params["Content"])
    if params["Content"].get("ZipFile") and unzipped_bytes(params["Content"]["ZipFile"]) > _MAX_UNZIPPED_BYTES:
        raise _too_large()


def check_combined(archives: Iterable[bytes]) -> None:
    """Return when a function's code and its layers together are small enough.

    Raises:
        ServiceError: they are not.
    """
    size = sum(unzipped_bytes(archive) for archive in archives)
    if size > _MAX_UNZIPPED_BYTES:
        raise ServiceError(
            "InvalidParameterValueException",
            f"Function code combined with layers exceeds the maximum allowed size of {_MAX_UNZIPPED_BYTES} bytes. "
            f"The actual size is {size} bytes.",
        )


def unzipped_bytes(archive: bytes) -> int:
    """Return how much an archive holds.

    Raises:
        ServiceError: it is no zip file.
    """
    try:
        return stated_bytes(archive)
    except ArchiveError as error:
        raise _no_zip_file(error) from error


def _too_large() -> ServiceError:
    return ServiceError(
        "InvalidParameterValueException", f"Unzipped size must be smaller than {_MAX_UNZIPPED_BYTES} bytes"
    )


def _no_zip_file(reason: ArchiveError) -> ServiceError:
    return ServiceError(
        "InvalidParameterValueException",
        f"Could not unzip uploaded file. Please check your file, then try to upload again. ({reason})",
    )


def _extract(archive: bytes, folder: Path) -> None:
    try:
        extract(archive, folder, _MAX_UNZIPPED_BYTES)
    except ArchiveSizeError as error:
        raise _too_large() from error
    except ArchiveError as error:
        raise _no_zip_file(error) from error


def _link_distribution(name: str, folder: Path) -> None:
    """Link each top-level file and folder of an installed distribution into `folder`."""
    distribution = metadata.distribution(name)
    for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
        os.symlink(Path(str(distribution.locate_file(top))), folder / top)
