"""The account's folders are their owner's alone, and do not grow without end."""

import os
from pathlib import Path

import pytest

from embedded_account import AccountError, folders, start


def test_a_folder_is_made_private(tmp_path: Path) -> None:
    """A new one and one that others could read both end up closed to others."""
    old, new = tmp_path / "old", tmp_path / "deep" / "new"
    old.mkdir(mode=0o755)

    for folder in (old, new):
        folders.make_private(folder)

        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_link_is_refused(tmp_path: Path) -> None:
    """What somebody put in the place of the folder, or of a file in it, is not followed."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(AccountError, match="link': is a link; name the real place"):
        start(tmp_path / "link")

    (tmp_path / "real" / "account.log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AccountError, match=r"account\.log': is a link"):
        start(tmp_path / "real")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("what", [".", "s3.state"])
def test_what_belongs_to_somebody_else_is_refused(tmp_path: Path, what: str) -> None:
    """A folder, or a file in it, that another user owns may hold anything; nothing of it is read."""
    state = tmp_path / "state"
    state.mkdir()
    (state / "s3.state").touch()
    os.chown(state / what, 12345, 12345)

    with pytest.raises(AccountError, match=f"belongs to user 12345, and this is user {os.geteuid()}; give the account"):
        start(tmp_path / "account", state_folder=state)

    assert not (tmp_path / "account" / "account.log").exists()


def test_sizes_are_added_up(tmp_path: Path) -> None:
    """Files of all levels count, links by themselves."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "one").write_bytes(bytes(1000))
    (tmp_path / "two").write_bytes(bytes(234))

    assert folders.size_bytes(tmp_path) == 1234


def test_a_long_log_is_cut(tmp_path: Path) -> None:
    """The newest half of what is allowed stays, from the beginning of a line; whoever appends goes on at the end."""
    path = tmp_path / "log"
    with path.open("ab", buffering=0) as log:
        log.write(b"".join(b"line %04d\n" % number for number in range(1000)))

        folders.cut_log(path, max_bytes=1000)
        log.write(b"next\n")

    lines = path.read_text().splitlines()
    assert lines[-2:] == ["line 0999", "next"]
    assert lines[0].startswith("line ")
    assert 400 < path.stat().st_size <= 505


def test_a_short_log_stays_whole(tmp_path: Path) -> None:
    """Nothing is lost of what is within bounds; a log that is missing is none."""
    (tmp_path / "log").write_text("line\n")

    folders.cut_log(tmp_path / "log")
    folders.cut_log(tmp_path / "missing")

    assert (tmp_path / "log").read_text() == "line\n"


def test_an_ended_accounts_work_is_removed(tmp_path: Path) -> None:
    """Jobs, contents, models and sockets go; what the next start can use again stays."""
    gone = [
        "training-jobs/job-1/data",
        "s3/0123",
        "models/etag/model/weights",
        "lambda/tmp/x/file",
        "lambda/forks.sock",
    ]
    kept = ["cache/torch/weights", "lambda/packages/abc/app.py", "lambda/runtime-python3.11/boto3"]
    for name in (*gone, *kept):
        path = tmp_path / "work" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)

    folders.clear_work(tmp_path)

    left = [path.relative_to(tmp_path / "work").as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(left) == sorted(kept)


def test_a_cache_keeps_what_was_used_last(tmp_path: Path) -> None:
    """Whole entries go, the one used longest ago first."""
    for age, name in enumerate(("newest", "newer", "old", "oldest")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(bytes(100))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))

    folders.trim(tmp_path, 250)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["newer", "newest"]


def test_what_is_used_is_not_trimmed(tmp_path):
    """The least recently used goes, but for what somebody still has."""
    for name, age in (("used", 30), ("old", 20), ("newest", 10)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(bytes(100))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))

    folders.trim(tmp_path, 250, {tmp_path / "used"})

    assert sorted(path.name for path in tmp_path.iterdir()) == ["newest", "used"]
