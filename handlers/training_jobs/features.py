"""What ComputeFeatures leaves: what it depends on, where it is, and whether it can be used again.

A record names the job that made the features of a key, written before the job starts. They count only once that job
has completed and what it writes last is in S3.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from handlers.aws.objects import head, list_objects, split_uri
from handlers.contract.bearing import BEARING, first_state
from handlers.contract.errors import AwsNotFoundError
from handlers.contract.settings import Settings
from handlers.contract.states import Dataset, Features
from handlers.ledger import Features as Noted
from handlers.ledger import Ledger
from handlers.training_jobs.jobs import describe

LAST = {"head": "manifest.json", "full": "summary.json"}  # what the job writes last, by Trainable
KEY_CHARACTERS = 32
# The bucket's lifecycle deletes features after 30 days; a run takes at most four, machine's timeout included.
REUSABLE_SECONDS = 26 * 86_400


def features_key(dataset: Dataset, settings: Settings) -> str:
    """Return the digest of everything that changes the outcome: data, splits, limit, backbone, views, code and image.

    Raises:
        AwsNotFoundError: a manifest of the dataset is gone.
    """
    values = {
        "dataset_fingerprint": dataset.fingerprint,
        "train": _etag(dataset.train_manifest_s3_uri),
        "validation": _etag(dataset.validation_manifest_s3_uri),
        "test": _etag(dataset.test_manifest_s3_uri),  # whose pictures the job has decoded
        "classes": _etag(dataset.classes_s3_uri),
        "labels": _etag(dataset.labels_s3_uri) if dataset.labels_s3_uri else "",
        "weights_content": _weights_content(settings),
        **{name: getattr(settings, name) for name in _bearing(settings)},
    }
    return digest(values)


def digest(values: Mapping[str, Any]) -> str:
    """Return the key of a piece of work: all that bears on its result."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:KEY_CHARACTERS]


def _bearing(settings: Settings) -> list[str]:
    """Return the settings that change the outcome; of weights that come from a place the content does."""
    every = {name for names in BEARING.values() for name in names} - {"weights_s3_uri"}
    return sorted(name for name in every if first_state(name, settings.trainable) == "ComputeFeatures")


def _etag(s3_uri: str) -> str:
    return head(*split_uri(s3_uri)).etag


def _weights_content(settings: Settings) -> list[list[str]]:
    """Return path and ETag of every object that starting weights are read from; nothing without such."""
    if not settings.weights_s3_uri:
        return []
    bucket, prefix = split_uri(settings.weights_s3_uri)
    return [[stored.key, stored.etag] for stored in list_objects(bucket, prefix)]


def output_s3_uri(key: str, settings: Settings) -> str:
    """Return the S3OutputPath of the job that computes the features of `key`."""
    return f"s3://{settings.bucket_name}/features/{key}"


def checkpoints_s3_uri(key: str, settings: Settings) -> str:
    """Return where the finished parts of `key` are kept, for whichever job goes on with them."""
    return f"s3://{settings.bucket_name}/checkpoints/features/{key}"


def find(key: str, own_job_name: str, ledger: Ledger, trainable: str) -> Features | None:
    """Return what lies under `key` if it is whole; `own_job_name` made it for the execution that asks."""
    noted = Noted.get(ledger, key)
    if noted is None or time.time() - noted.started_at > REUSABLE_SECONDS:
        return None
    job = describe("features", noted.training_job_name)
    if job is None or job["TrainingJobStatus"] != "Completed":
        return None
    is_other = job["TrainingJobName"] != own_job_name
    features = features_of(job, found_in=noted.execution_name or noted.training_job_name if is_other else "")
    bucket, prefix = split_uri(features.features_s3_uri)
    try:
        head(bucket, prefix + LAST[trainable])
    except AwsNotFoundError:
        return None
    return features


def features_of(job: Mapping[str, Any], *, found_in: str = "") -> Features:
    """Return what a completed job has made; its output is plain files, so its artifact is a prefix."""
    return Features(
        features_s3_uri=job["ModelArtifacts"]["S3ModelArtifacts"].rstrip("/") + "/",
        key=job["OutputDataConfig"]["S3OutputPath"].rstrip("/").rpartition("/")[2],
        reused=bool(found_in),
        found_in=found_in,
    )
