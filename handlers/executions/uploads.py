"""Uploads that an event tells of: each completed dataset is started once, by the newest of its events."""

from collections.abc import Mapping
from typing import Any

from datasets.fingerprint import MARKER
from handlers.contract.errors import RetrieverError
from handlers.contract.inputs import part
from handlers.contract.settings import Settings
from handlers.datasets.uploads import modified_at_of, objection, parse_upload
from handlers.executions.launches import Answer, Request, refused, start
from handlers.ledger import Dataset, Event, Ledger


def on_upload(event: Mapping[str, Any], ledger: Ledger, settings: Settings) -> Answer:
    """Start an execution for a completed dataset; duplicates and older events start nothing."""
    upload, bucket = parse_upload(event), part(event, "detail", "bucket", "name")
    if upload is None or bucket != settings.bucket_name:
        return refused(
            f"object {part(event, 'detail', 'object', 'key')!r} completes no dataset; expected datasets/NAME/{MARKER}"
        )
    if problem := objection(upload.name):
        return refused(problem)
    modified_at = modified_at_of(settings.bucket_name, upload.key)
    own = Event.of(upload.key, upload.sequencer, modified_at)
    if not own.claim(ledger):
        return refused(f"dataset {upload.name!r}: the event is a duplicate, or older than one that was handled")
    try:
        Dataset.upload(ledger, upload.name, upload.s3_uri, upload.sequencer)
        request = Request(upload.name, upload.s3_uri, "upload", modified_at=modified_at)
        answer = start(request, ledger, settings)
    except RetrieverError:
        own.release(ledger)
        raise
    own.finish(ledger)
    return answer
