"""Uploading: what is sent, in which order, and what is made of the stack's answer."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handlers.ledger import Dataset, Pending
from ops import datasets
from ops.errors import UploadError
from ops.imagesets import read_folder
from ops.session import Session
from ops.stack.stacks import Stack

BUCKET = "data-of-flowers"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:flowers-pipeline"
STACK = Stack("id", "CREATE_COMPLETE", {"StateMachineArn": MACHINE, "TableName": "table"}, {})


@pytest.fixture
def bucket(session: Session) -> str:
    """Give an empty data bucket."""
    session.s3.create_bucket(Bucket=BUCKET)
    return BUCKET


def _keys(session: Session) -> list[str]:
    return [entry["Key"] for entry in session.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def _upload(session: Session, folder: Path) -> datasets.Transfer:
    transfer = datasets.compare(session, BUCKET, "flowers", read_folder(folder))
    datasets.upload_folder(session, BUCKET, "flowers", transfer, lambda _done: None)
    return transfer


def test_upload_puts_the_marker_last(
    session: Session, bucket: str, image_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """_SUCCESS says that the folder is complete, so nothing comes after it, and an old one goes first."""
    folder = image_folder("rose/1.png", "rose/2.png", "tulip/1.png")
    calls: list[str] = []
    session.s3.meta.events.register(
        "before-parameter-build.s3",
        lambda params, model, **_: calls.append(f"{model.name} {params.get('Key', '')}"),
    )

    _upload(session, folder)

    assert calls[0].startswith("ListObjectsV2")
    assert calls[1] == "DeleteObject datasets/flowers/_SUCCESS"
    assert calls[-1] == "PutObject datasets/flowers/_SUCCESS"


def test_upload_synchronises(session: Session, bucket: str, image_folder: Callable[..., Path]) -> None:
    """The second time only what changed is sent, and what is gone here is deleted there."""
    folder = image_folder("rose/1.png", "rose/2.png", "tulip/1.png")
    _upload(session, folder)
    (folder / "rose" / "2.png").rename(folder / "rose" / "3.png")
    (folder / "tulip" / "1.png").write_bytes((folder / "rose" / "3.png").read_bytes())

    transfer = _upload(session, folder)

    assert sorted(transfer.puts) == ["rose/3.png", "tulip/1.png"]
    assert (transfer.deletes, transfer.num_unchanged) == (("rose/2.png",), 1)
    prefix = "datasets/flowers"
    assert _keys(session) == [
        f"{prefix}/_SUCCESS",
        f"{prefix}/rose/1.png",
        f"{prefix}/rose/3.png",
        f"{prefix}/tulip/1.png",
    ]


def test_upload_leaves_other_datasets_alone(session: Session, bucket: str, image_folder: Callable[..., Path]) -> None:
    """datasets/flowers-old/ is not part of datasets/flowers/."""
    session.s3.put_object(Bucket=BUCKET, Key="datasets/flowers-old/rose/1.png", Body=b"x")

    _upload(session, image_folder("rose/1.png", "tulip/1.png"))

    assert "datasets/flowers-old/rose/1.png" in _keys(session)


def test_upload_stops_at_the_first_error_without_a_marker(
    session: Session, bucket: str, image_folder: Callable[..., Path]
) -> None:
    """A picture that cannot be read ends the upload; the dataset is not declared complete."""
    folder = image_folder("rose/1.png", "tulip/1.png")
    transfer = datasets.compare(session, BUCKET, "flowers", read_folder(folder))
    (folder / "rose" / "1.png").unlink()

    with pytest.raises(FileNotFoundError, match=r"1\.png"):
        datasets.upload_folder(session, BUCKET, "flowers", transfer, lambda _done: None)

    assert "datasets/flowers/_SUCCESS" not in _keys(session)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 64])
def test_check_refuses_unusable_names(tmp_path: Path, name: str) -> None:
    """A dataset's name becomes part of keys and job names."""
    with pytest.raises(UploadError, match="dataset name"):
        datasets.check(tmp_path, name)


def test_check_refuses_other_files(tmp_path: Path) -> None:
    """A single picture is not a dataset."""
    (tmp_path / "a.png").write_bytes(b"x")

    with pytest.raises(UploadError, match="expected a folder or an archive"):
        datasets.check(tmp_path / "a.png", "flowers")


BEFORE = Dataset(
    "flowers", execution_name="flowers-1", sequencer="1", uploaded_at="2026-01-01", skipped_at="2026-01-02"
)
UPLOADED = replace(BEFORE, sequencer="2", uploaded_at="2026-01-03")
SKIPPED = replace(UPLOADED, skipped_at="2026-01-03", skip_reason="the same data")


@pytest.mark.parametrize(
    ("now", "arn", "sentence"),
    [
        ((replace(UPLOADED, execution_name="flowers-2"), None), ":execution:flowers-pipeline:flowers-2", ""),
        ((UPLOADED, Pending("flowers", version=7)), "", "dataset 'flowers' is queued"),
        ((SKIPPED, None), "", "the same data"),
    ],
)
def test_reaction_is_read_from_the_table(now: Any, arn: str, sentence: str) -> None:
    """A new execution, a queued one and a skip are told apart."""
    reaction = datasets._reaction(STACK, "flowers", datasets.Records(BEFORE, None), datasets.Records(*now))

    assert reaction is not None
    assert reaction.execution_arn.endswith(arn)
    assert sentence in reaction.sentence


@pytest.mark.parametrize("latest", [BEFORE, UPLOADED])
def test_reaction_is_none_until_something_was_decided(latest: Dataset) -> None:
    """Neither the item of before the upload nor the noted event says what becomes of it."""
    assert datasets._reaction(STACK, "flowers", datasets.Records(BEFORE, None), datasets.Records(latest, None)) is None
