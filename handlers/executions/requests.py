"""Requests by hand or by schedule: which dataset one is about, and what comes of it."""

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from datasets.archives import ARCHIVE_SUFFIXES
from datasets.fingerprint import MARKER
from handlers.aws.objects import S3Object, head, level
from handlers.contract.errors import AwsNotFoundError
from handlers.contract.replacement import may_replace
from handlers.contract.settings import Settings
from handlers.datasets.arrivals import holds_files
from handlers.datasets.uploads import DATASETS, objection, parse_key
from handlers.executions.incumbent import incumbent
from handlers.executions.launches import Answer, Request, refused, start
from handlers.ledger import Dataset, Ledger


def on_request(event: Mapping[str, Any], ledger: Ledger, settings: Settings) -> Answer:
    """Start an execution on the dataset that is named, or on the one that was uploaded last."""
    reason, name = str(event["Reason"]), event.get("Dataset", "")
    if not isinstance(name, str):
        return refused(f"Dataset: {name!r}; expected the name of a dataset")
    if problem := objection(name) if name else "":
        return refused(problem)
    insists = bool(event.get("Force"))
    force = settings.retrain_when == "always" or insists
    request = locate(name, reason, ledger, settings) if name else newest(reason, ledger, settings)
    if request is None:
        what = f"dataset {name!r} is not in the bucket" if name else "no dataset was uploaded yet"
        return refused(f"{what}; expected datasets/NAME/{MARKER} or datasets/NAME with {', '.join(ARCHIVE_SUFFIXES)}")
    return start(replace(request, force=force, despite_rollback=insists), ledger, settings)


def newest(reason: str, ledger: Ledger, settings: Settings) -> Request | None:
    """Return a request for the dataset that was uploaded last, of those whose model may serve here."""
    serving = incumbent(ledger, settings).dataset
    uploaded = [
        (one.uploaded_at, one.name, one.s3_uri)
        for one in Dataset.all(ledger)
        if one.uploaded_at and may_replace(one.name, serving, settings.replace_dataset)
    ]
    latest = max(uploaded, default=None)
    return Request(*latest[1:], reason) if latest else None


def locate(name: str, reason: str, ledger: Ledger, settings: Settings) -> Request | None:
    """Return a request for a dataset in the bucket; of a folder and an archive, for what was uploaded last.

    Who names a folder without its marker says by that that it is complete.
    """
    noted = Dataset.get(ledger, name)
    latest = noted.s3_uri if noted else ""
    uploads = sorted(_complete(name, settings.bucket_name), key=lambda one: one[0] != latest)
    if uploads:
        uri, stored = uploads[0]
        return Request(name, uri, reason, modified_at=stored.modified_at)
    folder = f"{DATASETS}{name}/"
    if holds_files(settings.bucket_name, folder):
        return Request(name, f"s3://{settings.bucket_name}/{folder}", reason)
    return None


def _complete(name: str, bucket: str) -> list[tuple[str, S3Object]]:
    """Return URI and completing object of the dataset's folder and archives, as far as they are there."""
    stored, _ = level(bucket, f"{DATASETS}{name}.", 1)
    with contextlib.suppress(AwsNotFoundError):
        stored.insert(0, head(bucket, f"{DATASETS}{name}/{MARKER}"))
    parsed = [(parse_key(bucket, one.key), one) for one in stored]
    return [(dataset[1], one) for dataset, one in parsed if dataset and dataset[0] == name]
