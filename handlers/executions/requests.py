"""Requests by hand or by schedule: which dataset one is about, and what comes of it."""

from collections.abc import Mapping
from typing import Any

from datasets.archives import ARCHIVE_SUFFIXES
from datasets.fingerprint import MARKER
from handlers.aws.objects import head
from handlers.contract.errors import AwsNotFoundError
from handlers.contract.settings import Settings
from handlers.datasets.uploads import objection, parse_key
from handlers.executions.launches import Answer, Request, refused, start
from handlers.ledger import Dataset, Ledger


def on_request(event: Mapping[str, Any], ledger: Ledger, settings: Settings) -> Answer:
    """Start an execution on the dataset that is named, or on the one that was uploaded last."""
    reason, name = event["Reason"], event.get("Dataset", "")
    if problem := objection(name) if name else "":
        return refused(problem)
    dataset = locate(name, ledger, settings) if name else newest(ledger)
    if dataset is None:
        what = f"dataset {name!r} is not in the bucket" if name else "no dataset was uploaded yet"
        return refused(f"{what}; expected datasets/NAME/{MARKER} or datasets/NAME with {', '.join(ARCHIVE_SUFFIXES)}")
    force = settings.retrain_when == "always" or bool(event.get("Force"))
    return start(Request(*dataset, reason, force), ledger, settings)


def newest(ledger: Ledger) -> tuple[str, str] | None:
    """Return name and URI of the dataset that was uploaded last."""
    uploaded = [(one.uploaded_at, one.name, one.s3_uri) for one in Dataset.all(ledger) if one.uploaded_at]
    latest = max(uploaded, default=None)
    return latest[1:] if latest else None


def locate(name: str, ledger: Ledger, settings: Settings) -> tuple[str, str] | None:
    """Return name and URI of a complete dataset in the bucket; of a folder and an archive, what was uploaded last."""
    noted = Dataset.get(ledger, name)
    latest = noted.s3_uri if noted else ""
    prefix = f"s3://{settings.bucket_name}/"
    keys = [f"datasets/{name}/{MARKER}", *(f"datasets/{name}{suffix}" for suffix in ARCHIVE_SUFFIXES)]
    keys.sort(key=lambda key: prefix + key.removesuffix(MARKER) != latest)
    for key in keys:
        try:
            head(settings.bucket_name, key)
        except AwsNotFoundError:
            continue
        return parse_key(settings.bucket_name, key)
    return None
