"""The same content makes the same archive, so that it is uploaded once."""

import os
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

from ops.packaging.archive import content_hash, tar_gz_bytes, zip_bytes


def _files(folder: Path) -> dict[str, Path]:
    folder.mkdir()
    (folder / "b.py").write_text("b = 2\n")
    (folder / "a.py").write_text("a = 1\n")
    return {"package/b.py": folder / "b.py", "package/a.py": folder / "a.py"}


def test_archives_do_not_depend_on_times_or_order(tmp_path: Path) -> None:
    """A checkout of another day, listed in another order, gives the same bytes."""
    files = _files(tmp_path / "one")
    later = _files(tmp_path / "two")
    for path in later.values():
        os.utime(path, (2_000_000_000, 2_000_000_000))
    later = dict(reversed(later.items()))

    assert content_hash(zip_bytes(files)) == content_hash(zip_bytes(later))
    assert content_hash(tar_gz_bytes(files)) == content_hash(tar_gz_bytes(later))


def test_archives_hold_files_that_lambda_may_read(tmp_path: Path) -> None:
    """Every entry is readable by all, whatever the mode here, and names are sorted."""
    files = _files(tmp_path / "one")
    files["package/a.py"].chmod(0o600)

    archive = zipfile.ZipFile(BytesIO(zip_bytes(files)))

    assert archive.namelist() == ["package/a.py", "package/b.py"]
    assert {info.external_attr >> 16 for info in archive.infolist()} == {0o100644}


def test_tar_holds_the_files(tmp_path: Path) -> None:
    """The training source unpacks to what was packed."""
    content = tar_gz_bytes(_files(tmp_path / "one"))

    with tarfile.open(fileobj=BytesIO(content), mode="r:gz") as archive:
        member = archive.extractfile("package/a.py")
        assert member is not None
        assert member.read() == b"a = 1\n"
