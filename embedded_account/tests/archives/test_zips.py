"""The files of a function's zip, of which none is trusted."""

import io
import zipfile
from pathlib import Path

import pytest
from embedded_account.archives.zips import extract
from support.hostile_archives import ZIPS, Outcome, outcomes


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Give how each hostile archive ended, in a process of bounded memory."""
    return outcomes("zips", {name: make() for name, (make, _) in ZIPS.items()}, tmp_path_factory.mktemp("zips"))


@pytest.mark.parametrize("name", ZIPS)
def test_hostile_archive_is_one_refusal(read: dict[str, Outcome], name: str) -> None:
    """Within 150 MB, and within seconds: sizes that lie, lists without end, other methods, encryption."""
    assert read[name].words.startswith("refused: ")
    assert ZIPS[name][1] in read[name].words
    assert read[name].seconds < 5


def test_files_keep_their_modes_and_links_are_text(tmp_path: Path) -> None:
    """A link is written as a file of its text, so that nothing leads outside; a path that leads up stays inside."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, mode in (("bin/run", 0o100755), ("link", 0o120777), ("../up", 0o100644)):
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            file.writestr(member, "/etc/passwd")

    extract(archive.getvalue(), tmp_path / "code", 1 << 20)

    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()} == {
        "code/bin/run",
        "code/link",
        "code/up",
    }
    assert not (tmp_path / "code" / "link").is_symlink()
    assert (tmp_path / "code" / "bin" / "run").stat().st_mode & 0o111
