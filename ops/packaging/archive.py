"""Archives that are the same bytes for the same content: sorted names, fixed times and modes."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file can say


def zip_bytes(files: Mapping[str, Path], *, level: int = 6) -> bytes:
    """Return a zip of `files` (name in the archive -> file); Lambda needs them readable by all."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o100755 if name.endswith(".so") else 0o100644) << 16
            archive.writestr(info, files[name].read_bytes(), compresslevel=level)
    return buffer.getvalue()


def tar_gz_bytes(files: Mapping[str, Path]) -> bytes:
    """Return a tar.gz of `files` (name in the archive -> file)."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for name in sorted(files):
            content = files[name].read_bytes()
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o644
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def content_hash(content: bytes) -> str:
    """Return the name under which `content` is stored: the same bytes are uploaded once."""
    return hashlib.sha256(content).hexdigest()[:32]
