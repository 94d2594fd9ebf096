"""Model data: unpacked without trusting it."""

import io
import tarfile
from pathlib import Path

import pytest
from embedded_account.sagemaker.endpoints.artifacts import extract


def test_files_are_written_where_they_belong(tmp_path: Path) -> None:
    """Folders are made as they are needed."""
    archive = _archive(tmp_path, {"code/inference.py": b"pass", "./model.json": b"{}"})

    extract(archive, tmp_path / "model")

    assert (tmp_path / "model/code/inference.py").read_bytes() == b"pass"
    assert (tmp_path / "model/model.json").read_bytes() == b"{}"


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "code/../../escaped"])  # noqa: S108 (never written)
def test_path_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    """Nothing is written outside of the model folder."""
    archive = _archive(tmp_path, {name: b"x"})

    with pytest.raises(tarfile.TarError, match="outside"):
        extract(archive, tmp_path / "deep" / "model")

    assert not list(tmp_path.rglob("escaped"))


def test_links_and_devices_are_left_out(tmp_path: Path) -> None:
    """A link could lead later members out of the folder."""
    link = tarfile.TarInfo("code")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "elsewhere")
    archive = tmp_path / "links.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(link)
        _add(tar, "code/inference.py", b"pass")

    extract(archive, tmp_path / "model")

    assert (tmp_path / "model/code/inference.py").read_bytes() == b"pass"
    assert not (tmp_path / "model/code").is_symlink()
    assert not (tmp_path / "elsewhere").exists()


def test_truncated_archive_is_an_error(tmp_path: Path) -> None:
    """Half a model is none."""
    archive = _archive(tmp_path, {"weights.pt": bytes(range(256)) * 4096})
    archive.write_bytes(archive.read_bytes()[:-200])

    with pytest.raises((tarfile.TarError, EOFError, OSError), match=r"."):
        extract(archive, tmp_path / "model")


def _archive(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "model.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            _add(tar, name, content)
    return path


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
