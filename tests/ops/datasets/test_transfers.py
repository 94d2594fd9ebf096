"""Uploading: what is sent, and in which order."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ops.datasets import transfers
from ops.datasets.on_disk import read_folder
from ops.session import Session


@pytest.fixture
def bucket(local_session: Session) -> str:
    """Give an empty data bucket."""
    name = f"data-of-{local_session.stack_name}"
    local_session.s3.create_bucket(Bucket=name)
    return name


def _keys(session: Session, bucket: str) -> list[str]:
    return [entry["Key"] for entry in session.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def _upload(session: Session, bucket: str, folder: Path) -> transfers.Transfer:
    transfer = transfers.compare(session, bucket, "flowers", read_folder(folder))
    transfers.upload_folder(session, bucket, "flowers", transfer, lambda _done: None)
    return transfer


def test_upload_puts_the_marker_last(
    local_session: Session, bucket: str, image_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """_SUCCESS says that the folder is complete, so no file comes after it, and an old one goes first.

    Between the two a sign says that the upload has not ended.
    """
    folder = image_folder("rose/1.png", "rose/2.png", "tulip/1.png")
    calls: list[str] = []
    local_session.s3.meta.events.register(
        "before-parameter-build.s3",
        lambda params, model, **_: calls.append(f"{model.name} {params.get('Key', '')}"),
    )

    _upload(local_session, bucket, folder)

    assert calls[0].startswith("ListObjectsV2")
    assert calls[1:3] == ["PutObject datasets/flowers/_UPLOADING", "DeleteObject datasets/flowers/_SUCCESS"]
    assert calls[-2:] == ["PutObject datasets/flowers/_SUCCESS", "DeleteObject datasets/flowers/_UPLOADING"]


def test_upload_synchronises(local_session: Session, bucket: str, image_folder: Callable[..., Path]) -> None:
    """The second time only what changed is sent, and what is gone here is deleted there."""
    folder = image_folder("rose/1.png", "rose/2.png", "tulip/1.png")
    _upload(local_session, bucket, folder)
    (folder / "rose" / "2.png").rename(folder / "rose" / "3.png")
    (folder / "tulip" / "1.png").write_bytes((folder / "rose" / "3.png").read_bytes())

    transfer = _upload(local_session, bucket, folder)

    assert sorted(transfer.puts) == ["rose/3.png", "tulip/1.png"]
    assert (transfer.deletes, transfer.num_unchanged) == (("rose/2.png",), 1)
    prefix = "datasets/flowers"
    assert _keys(local_session, bucket) == [
        f"{prefix}/_SUCCESS",
        f"{prefix}/rose/1.png",
        f"{prefix}/rose/3.png",
        f"{prefix}/tulip/1.png",
    ]


def test_upload_leaves_other_datasets_alone(
    local_session: Session, bucket: str, image_folder: Callable[..., Path]
) -> None:
    """datasets/flowers-old/ is not part of datasets/flowers/."""
    local_session.s3.put_object(Bucket=bucket, Key="datasets/flowers-old/rose/1.png", Body=b"x")

    _upload(local_session, bucket, image_folder("rose/1.png", "tulip/1.png"))

    assert "datasets/flowers-old/rose/1.png" in _keys(local_session, bucket)


def test_upload_stops_at_the_first_error_without_a_marker(
    local_session: Session, bucket: str, image_folder: Callable[..., Path]
) -> None:
    """A picture that cannot be read ends the upload; the dataset is not declared complete."""
    folder = image_folder("rose/1.png", "tulip/1.png")
    transfer = transfers.compare(local_session, bucket, "flowers", read_folder(folder))
    (folder / "rose" / "1.png").unlink()

    with pytest.raises(FileNotFoundError, match=r"1\.png"):
        transfers.upload_folder(local_session, bucket, "flowers", transfer, lambda _done: None)

    assert "datasets/flowers/_SUCCESS" not in _keys(local_session, bucket)


def test_nothing_more_begins_after_an_error() -> None:
    """The first error ends all threads: of thousands that wait, few have begun."""
    done: list[int] = []

    def fail() -> None:
        raise OSError("the connection is lost")

    jobs = (fail if number == 0 else partial(done.append, number) for number in range(50_000))

    with pytest.raises(OSError, match="the connection is lost"):
        transfers._in_parallel(jobs, lambda _done: None)

    assert len(done) < 49_999


def test_every_job_runs_once_and_is_counted() -> None:
    """Threads that take the next job from one line take each once, and tell of each."""
    done: list[int] = []
    counted: list[int] = []

    transfers._in_parallel((partial(done.append, number) for number in range(500)), counted.append)

    assert (sorted(done), sum(counted)) == ([*range(500)], 500)
