"""The training job of all trials, in a tuning job's place where heads are trained: what it leaves, in parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ops.errors import ReportError
from ops.runs.objects import object_of
from ops.session import Session

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import DescribeTrainingJobResponseTypeDef

TRIALS = "trials.json"
MAX_BYTES = 4 << 20


def document(session: Session, job: DescribeTrainingJobResponseTypeDef) -> dict[str, Any]:
    """Return what the job has left of its trials; without any while it runs, or where it left nothing that is read."""
    place = job.get("ModelArtifacts", {}).get("S3ModelArtifacts", "").rstrip("/")
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    try:
        content = object_of(session, bucket, f"{prefix}/{TRIALS}", MAX_BYTES) if place else None
        given = json.loads(content) if content else None
    except (ReportError, ValueError):
        given = None
    return given if isinstance(given, dict) and isinstance(given.get("trials"), list) else {"trials": []}


def trial_name(job_name: str, number: int) -> str:
    """Return the name of a trial, which a tuning job would give a training job: job, number and what it is."""
    return f"{job_name}-{number:03}-head"
