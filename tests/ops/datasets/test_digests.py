"""ops/datasets/digests.py: the SHA-256 of a run's pictures, from whichever of its jobs has read them."""

import io
import tarfile
from typing import Any

import pytest

from datasets.pictures import Picture, record_lines
from handlers.ledger import Run
from ops.datasets.digests import pictures_read
from ops.runs import fetched_reports
from ops.session import Session

BUCKET = "pictures-of-runs"
FEATURES = f"s3://{BUCKET}/features/key/job/output/model/"


def record(sha256: str, split: str = "train", path: str = "daisy/1.png") -> bytes:
    lines = record_lines("", [Picture(path, "daisy", split, 0, "", sha256)])
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.fixture
def jobs(session: Session, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Give the records that training jobs leave, by their names; the tuning job's best is "trial"."""
    session.s3.create_bucket(Bucket=BUCKET)
    left: dict[str, bytes] = {}

    def describe(_: Session, name: str) -> Any:
        output = io.BytesIO()
        with tarfile.open(fileobj=output, mode="w:gz") as archive:
            member = tarfile.TarInfo("pictures.jsonl")
            member.size = len(left.get(name, b""))
            archive.addfile(member, io.BytesIO(left.get(name, b"")))
        if name in left:
            session.s3.put_object(Bucket=BUCKET, Key=f"runs/{name}/output/output.tar.gz", Body=output.getvalue())
        described = {"S3OutputPath": f"s3://{BUCKET}/runs"}
        return {"OutputDataConfig": described, "TrainingJobName": name, "TrainingJobStatus": "Failed"}

    monkeypatch.setattr(fetched_reports, "_describe_training_job", describe)
    monkeypatch.setattr("ops.datasets.digests._best_trial", lambda _, name: "trial" if name else "")
    return left


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        ({}, {}),
        ({"features": record("f")}, {"daisy/1.png": ("f", "train")}),
        ({"features": record("f"), "trial": record("t")}, {"daisy/1.png": ("t", "train")}),
        ({"trial": record("t"), "last": record("l", "validation")}, {"daisy/1.png": ("l", "validation")}),
        (
            {"features": record("f", "left out", "daisy/2.png"), "last": record("l")},
            {"daisy/1.png": ("l", "train"), "daisy/2.png": ("f", "left out")},
        ),
        ({"features": b"no record", "last": record("l")}, {"daisy/1.png": ("l", "train")}),
    ],
    ids=["no job", "features", "trial", "last", "left out", "damaged"],
)
def test_the_last_job_that_read_a_picture_counts(
    session: Session, jobs: dict[str, bytes], left: dict[str, bytes], expected: dict[str, tuple[str, str]]
) -> None:
    """A run that ends early has what its first job read; what that left out is known by it alone."""
    jobs |= left
    if "features" in left:
        key = FEATURES.removeprefix(f"s3://{BUCKET}/") + "pictures.jsonl"
        session.s3.put_object(Bucket=BUCKET, Key=key, Body=left["features"])
    run = Run("r", features_s3_uri=FEATURES, tuning_job_name="tuning", training_job_name="last")

    read = pictures_read(session, run)

    assert {path: (one.sha256, one.split) for path, one in read.items()} == expected


def test_a_run_without_jobs_has_none(session: Session) -> None:
    """Refused before the first of them; nothing is asked of AWS."""
    assert pictures_read(session, Run("r")) == {}
