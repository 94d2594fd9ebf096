"""The SHA-256 of a run's pictures, from whichever of its jobs has read them; and the split that each was in then.

The job that computes features reads every picture and is a run's first. Without one (Trainable=full) the tuning job's
best trial has read those to train and validate on, and the last job all of them.
"""

from __future__ import annotations

from botocore.exceptions import ClientError

from datasets.errors import DatasetError
from datasets.pictures import Picture, read_record
from handlers.ledger import Run
from ops.errors import ReportError
from ops.runs import fetched_reports
from ops.runs.objects import object_of
from ops.session import Session

RECORD = "pictures.jsonl"


def pictures_read(session: Session, run: Run) -> dict[str, Picture]:
    """Return what the run's jobs say of its pictures, by path; what a later job says counts."""
    pictures = _parsed(_of_features(session, run.features_s3_uri or ""))
    last = _parsed(_of_job(session, run.training_job_name or ""))
    return pictures | (last or _parsed(_of_job(session, _best_trial(session, run.tuning_job_name or ""))))


def _of_features(session: Session, s3_uri: str) -> bytes | None:
    if not s3_uri:
        return None
    bucket, _, prefix = s3_uri.removeprefix("s3://").partition("/")
    try:
        return object_of(session, bucket, prefix + RECORD, fetched_reports.MAX_ARCHIVE_BYTES)
    except ReportError:
        return None


def _of_job(session: Session, training_job_name: str) -> bytes | None:
    try:
        return fetched_reports.output_of(session, training_job_name).get(RECORD) if training_job_name else None
    except ReportError:
        return None


def _best_trial(session: Session, tuning_job_name: str) -> str:
    if not tuning_job_name:
        return ""
    try:
        job = session.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning_job_name)
    except ClientError:
        return ""
    return job.get("BestTrainingJob", {}).get("TrainingJobName", "")


def _parsed(content: bytes | None) -> dict[str, Picture]:
    try:
        _, pictures = read_record(content.decode().splitlines()) if content else ("", iter(()))
        return {picture.path: picture for picture in pictures}
    except DatasetError:
        return {}
