"""The files of a .tar.gz, of which none is trusted."""

import io
import tarfile
from pathlib import Path

import pytest
from embedded_account.archives import ArchiveError
from embedded_account.archives.tars import extract
from support.hostile_archives import TARS, Outcome, damaged_tar, outcomes


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

    with pytest.raises(ArchiveError, match="outside"):
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

    with pytest.raises(ArchiveError, match="Compressed file ended before the end-of-stream marker"):
        extract(archive, tmp_path / "model")


@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_writer_of_tars_is_read(tmp_path: Path, format_: int) -> None:
    """Long names, names that are no ASCII, empty files and folders come as each format writes them."""
    names = {"a" * 90 + "/" + "b" * 90: b"1", "\N{SNOWMAN}/picture.bin": b"x" * 1000, "empty": b""}
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz", format=format_) as tar:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, content in names.items():
            _add(tar, name, content)

    extract(archive, tmp_path / "model")

    members = {
        str(path.relative_to(tmp_path / "model")): path.read_bytes()
        for path in (tmp_path / "model").rglob("*")
        if path.is_file()
    }
    assert members == names


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Give how each hostile archive ended, in a process of bounded memory."""
    return outcomes("tars", {name: make() for name, (make, _) in TARS.items()}, tmp_path_factory.mktemp("tars"))


@pytest.mark.parametrize("name", TARS)
def test_hostile_archive_is_one_refusal(read: dict[str, Outcome], name: str) -> None:
    """Within 150 MB, and within seconds: bombs, endless sizes, records without end, links, traversal."""
    assert read[name].words.startswith("refused: ")
    assert TARS[name][1] in read[name].words
    assert read[name].seconds < 5


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


def test_damage_of_any_kind_ends_in_words(tmp_path: Path) -> None:
    """Of 200 archives with bytes changed, each is read or refused, and none fails in another way."""
    ended = outcomes("tars", {f"{seed:03}": damaged_tar(seed) for seed in range(200)}, tmp_path)

    assert [one for one in ended.values() if one.words.startswith("failed")] == []
    assert {one.words.partition(":")[0] for one in ended.values()} == {"read", "refused"}
