"""Model data on this machine: fetched from S3 and unpacked once for each version of the object."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from shutil import rmtree
from threading import Lock

from botocore.exceptions import BotoCoreError, ClientError

from embedded_account.account import Account
from embedded_account.archives import ArchiveError
from embedded_account.archives.tars import extract
from embedded_account.sagemaker.registry.models import split_s3_url
from embedded_account.shortages import shortage

_KEPT_SECONDS = 600.0
_PART = ".part"


class ArtifactError(Exception):
    """The model data could not be brought here; the message is what SageMaker would give as the failure reason."""


class Artifacts:
    """Fetches model data; each version of an object is unpacked once and then shared by all instances."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = Lock()
        self._users: list[Callable[[], Iterable[Path]]] = []
        rmtree(account.work_folder("models"))  # of an account that ended

    def base_folder(self, url: str, role_arn: str) -> Path:
        """Return the folder that stands for /opt/ml: its `model` holds the files of the archive at `url`.

        Raises:
            ArtifactError: the object is missing or not allowed to the role, or it is not a sound .tar.gz.
        """
        bucket, key = split_s3_url(url)
        client = self._account.client("s3", role_arn, "SageMaker", by="sagemaker.amazonaws.com")
        try:
            etag = str(client.head_object(Bucket=bucket, Key=key)["ETag"]).strip('"')
            base = self._account.work_folder("models") / etag
            with self._lock:
                if not (base / "model").exists():
                    self._unpack(client, bucket, key, base)
                base.touch()
        except (ClientError, BotoCoreError) as error:
            raise ArtifactError(
                f'Failed to download model data for container "container_1" from URL: "{url}". Please ensure that '
                "there is an object located at the URL and that the role passed to CreateModel has permissions to "
                "download the object."
            ) from error
        except (ArchiveError, OSError) as error:
            rmtree(base.with_name(base.name + _PART), ignore_errors=True)
            failed = f'Failed to extract model data archive for container "container_1" from URL "{url}"'
            if lacks := shortage(error, base.parent):
                raise ArtifactError(f"{failed}: {lacks}") from error
            raise ArtifactError(
                f"{failed}: {error}. Please ensure that the object located at the URL is a valid tar.gz archive."
            ) from error
        return base

    def add_user(self, folders: Callable[[], Iterable[Path]]) -> None:
        """Keep the base folders that `folders()` returns, whenever others are removed."""
        self._users.append(folders)

    def prune(self) -> None:
        """Remove the folders that nobody uses and nobody asked for within the last ten minutes."""
        in_use = {folder for folders in self._users for folder in folders()}
        oldest = time.time() - _KEPT_SECONDS
        with self._lock:
            for base in self._account.work_folder("models").iterdir():
                if base not in in_use and base.stat().st_mtime < oldest:
                    rmtree(base, ignore_errors=True)

    def _unpack(self, client: object, bucket: str, key: str, base: Path) -> None:
        scratch = base.with_name(base.name + _PART)
        rmtree(scratch, ignore_errors=True)
        (scratch / "model").mkdir(parents=True)
        archive = scratch / "model.tar.gz"
        client.download_file(bucket, key, str(archive))  # type: ignore[attr-defined]
        extract(archive, scratch / "model")
        archive.unlink()
        rmtree(base, ignore_errors=True)
        scratch.rename(base)
