"""ops/datasets/fixing.py on a dataset in the bucket of the embedded account, which checks who may do what."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from ops.datasets.fixing import Bucket, Move, carry_out, planned, undo
from ops.errors import UploadError
from ops.session import Session

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
PATHS = ("train/cat/1.jpg", "train/cat/2 ä+&.jpg", "train/dog/1.jpg", "test/dog/3.jpg")
ASIDE = "set-aside/pets/20261129T120000/"


@pytest.fixture
def pets(local_session: Session) -> Bucket:
    """Give a dataset of four pictures in a bucket of its own."""
    name = f"fixing-{local_session.stack_name}"
    local_session.s3.create_bucket(Bucket=name)
    for path in PATHS:
        local_session.s3.put_object(Bucket=name, Key=f"datasets/pets/{path}", Body=path.encode())
    return Bucket(local_session.s3, name, "pets")


def contents(pets: Bucket) -> dict[str, str]:
    """Return what lies in the bucket, by key."""
    listed = pets.s3.list_objects_v2(Bucket=pets.name).get("Contents", [])
    bodies = {one["Key"]: pets.s3.get_object(Bucket=pets.name, Key=one["Key"])["Body"].read() for one in listed}
    return {key: body.decode() for key, body in bodies.items()}


def row(action: str, value: str, path: str, **more: str) -> dict[str, str]:
    """Return a row of the table."""
    return {"action": action, "value": value, "path": path, **more}


def test_every_action_is_carried_out_and_undone(pets: Bucket, tmp_path: Path) -> None:
    """Dropped to set-aside/, where it starts nothing; relabelled beside a namesake; moved; and all of it back."""
    before = contents(pets)
    rows = [row("drop", "", PATHS[0]), row("relabel", "dog", PATHS[1]), row("move", "train", PATHS[3])]

    carry_out(planned(rows, pets, NOW).moves, pets, tmp_path / "journal.csv")

    assert contents(pets) == {
        f"{ASIDE}train/cat/1.jpg": PATHS[0],
        "datasets/pets/train/dog/2 ä+&.jpg": PATHS[1],
        "datasets/pets/train/dog/1.jpg": PATHS[2],
        "datasets/pets/train/dog/3.jpg": PATHS[3],
    }
    assert len(undo(tmp_path / "journal.csv", pets)) == 3
    assert contents(pets) == before


def test_a_dataset_that_changed_since_is_left_as_it_is(pets: Bucket) -> None:
    """A picture that was replaced or taken away is passed over and named; the others are moved."""
    of_old = hashlib.sha256(b"what was examined").hexdigest()
    of_now = hashlib.sha256(PATHS[2].encode()).hexdigest()
    rows = [row("drop", "", PATHS[0], sha256=of_old), row("drop", "", "train/cat/9.jpg")]

    plan = planned([*rows, row("drop", "", PATHS[2], sha256=of_now)], pets, NOW)

    assert [move.source for move in plan.moves] == [PATHS[2]]
    assert (plan.gone, plan.changed) == (["train/cat/9.jpg"], [PATHS[0]])


def test_a_move_cut_short_between_copy_and_deletion_is_undone(pets: Bucket, tmp_path: Path) -> None:
    """The journal names it, and both objects are there: the copy goes."""
    before = contents(pets)
    moves = planned([row("drop", "", PATHS[0]), row("relabel", "dog", PATHS[1])], pets, NOW).moves
    carry_out(moves, pets, tmp_path / "journal.csv")
    pets.s3.put_object(Bucket=pets.name, Key=f"datasets/pets/{PATHS[1]}", Body=PATHS[1].encode())

    undo(tmp_path / "journal.csv", pets)

    assert contents(pets) == before


def test_a_permission_that_is_refused_is_said_with_the_way_back(
    pets: Bucket, local_session: Session, account: Any, tmp_path: Path
) -> None:
    """Who may write and not delete is told what came of it; nothing is lost, and the undo puts it in order."""
    before = contents(pets)
    limited = Bucket(_limited(account, local_session, pets.name), pets.name, "pets")
    moves = planned([row("drop", "", PATHS[0]), row("drop", "", PATHS[2])], limited, NOW).moves

    with pytest.raises(UploadError, match=r"'train/cat/1.jpg' could not be moved: DeleteObject: AccessDenied.*0 of 2"):
        carry_out(moves, limited, tmp_path / "journal.csv")

    assert before.items() <= contents(pets).items()
    undo(tmp_path / "journal.csv", pets)
    assert contents(pets) == before


def test_undo_takes_nothing_away_that_is_no_copy(pets: Bucket, tmp_path: Path) -> None:
    """Something else has come to the place meanwhile."""
    move = Move(PATHS[0], "train/dog/9.jpg")
    carry_out([move], pets, tmp_path / "journal.csv")
    pets.s3.put_object(Bucket=pets.name, Key=f"datasets/pets/{PATHS[0]}", Body=b"another")

    with pytest.raises(UploadError, match="is there already"):
        undo(tmp_path / "journal.csv", pets)

    assert contents(pets)["datasets/pets/train/dog/9.jpg"] == PATHS[0]


def _limited(account: Any, session: Session, bucket: str) -> Any:
    """Return the S3 client of a user who may read and write the bucket, and delete nothing."""
    iam, name = account.client("iam"), f"writer-{bucket}"
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]}
    allowed = statement | {"Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=name, PolicyName="write", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return boto3.client(
        "s3",
        endpoint_url=session.url,
        region_name=session.region,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
