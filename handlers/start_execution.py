"""Start an execution when a dataset is complete, on schedule, on request, or when another one has ended.

Invoked with S3's "Object Created" event, Step Functions' "Execution Status Change" event, `{"Reason": "schedule"}`,
`{"Reason": "manual", "Dataset": NAME, "Force": false}`, or `{"Sweep": true}`, which starts what still waits.
"""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.aws.objects import head
from handlers.contract.errors import AwsNotFoundError, RetrieverError
from handlers.contract.settings import Settings
from handlers.datasets import uploads
from handlers.datasets.archives import ARCHIVE_SUFFIXES
from handlers.datasets.fingerprint import MARKER
from handlers.executions import records, turns
from handlers.executions.launches import OPEN, Answer, Request, refused, start, start_next
from handlers.ledger.table import Table

aws.prepare("dynamodb", "s3", "stepfunctions")


def on_upload(event: Mapping[str, Any], settings: Settings) -> Answer:
    """Start an execution for a completed dataset; duplicates and older events start nothing."""
    detail = event["detail"]
    upload = uploads.parse_upload(event)
    if upload is None or detail["bucket"]["name"] != settings.bucket_name:
        return refused(f"object {detail['object']['key']!r} completes no dataset; expected datasets/NAME/{MARKER}")
    table = Table(settings.table_name)
    if not uploads.claim(table, upload):
        return refused(f"dataset {upload.name!r}: the event is a duplicate, or older than one that was handled")
    try:
        noted = {"Name": upload.name, "S3Uri": upload.s3_uri, "UploadedAt": records.now()}
        table.update(f"dataset#{upload.name}", {**noted, "Sequencer": upload.sequencer})
        answer = start(Request(upload.name, upload.s3_uri, "upload"), settings)
    except RetrieverError:
        uploads.release(table, upload)
        raise
    uploads.finish(table, upload)
    return answer


def on_execution_end(event: Mapping[str, Any], settings: Settings) -> Answer:
    """Give the turn of an ended execution to the next dataset, and close the record that a stopped one left open."""
    detail = event["detail"]
    name, status = detail["name"], detail["status"]
    if detail["stateMachineArn"] != settings.state_machine_arn or status in turns.GOING:
        return refused(f"execution {name!r} is {status}; nothing ended here")
    table = Table(settings.table_name)
    record = table.get(records.PREFIX + name)
    if record and record["Status"] in OPEN:
        said = f"execution {name!r} ended {status} before it could report; start it again with deploy.py upload"
        table.update(record["Id"], {"Status": status, "Reason": said, "EndedAt": records.now()})
    if record and "Dataset" in record:
        changes = {"Status": status, "UpdatedAt": records.now()}
        if "TuningJobName" in record:  # the next tuning job of the dataset begins with what this one has learned
            changes["TuningJobName"] = record["TuningJobName"]
        table.update(f"dataset#{record['Dataset']}", changes, "#ExecutionName = :own", own=name)
    turns.give_turn_back(settings, name)
    return start_next(settings)


def on_request(event: Mapping[str, Any], settings: Settings) -> Answer:
    """Start an execution on the dataset that is named, or on the one that was uploaded last."""
    reason, name = event["Reason"], event.get("Dataset", "")
    found = locate(name, settings) if name else newest(settings)
    if found is None:
        what = f"dataset {name!r} is not in the bucket" if name else "no dataset was uploaded yet"
        return refused(f"{what}; expected datasets/NAME/{MARKER} or datasets/NAME with {', '.join(ARCHIVE_SUFFIXES)}")
    force = settings.retrain_when == "always" or bool(event.get("Force"))
    return start(Request(*found, reason, force), settings)


def newest(settings: Settings) -> tuple[str, str] | None:
    """Return name and URI of the dataset that was uploaded last."""
    found = [item for item in Table(settings.table_name).items("dataset#") if "UploadedAt" in item]
    latest = max(found, key=lambda item: (item["UploadedAt"], item["Id"]), default=None)
    return (latest["Name"], latest["S3Uri"]) if latest else None


def locate(name: str, settings: Settings) -> tuple[str, str] | None:
    """Return name and URI of a complete dataset in the bucket; of a folder and an archive, what was uploaded last."""
    noted = Table(settings.table_name).get(f"dataset#{name}") or {}
    prefix = f"s3://{settings.bucket_name}/"
    keys = [f"datasets/{name}/{MARKER}", *(f"datasets/{name}{suffix}" for suffix in ARCHIVE_SUFFIXES)]
    keys.sort(key=lambda key: prefix + key.removesuffix(MARKER) != noted.get("S3Uri"))
    for key in keys:
        try:
            head(settings.bucket_name, key)
        except AwsNotFoundError:
            continue
        return uploads.parse_key(settings.bucket_name, key)
    return None


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    settings = Settings.from_env()
    kind = event.get("detail-type")
    if kind == "Object Created":
        return on_upload(event, settings)
    if kind == "Step Functions Execution Status Change":
        return on_execution_end(event, settings)
    if event.get("Sweep"):
        return start_next(settings)
    if event.get("Reason") in ("schedule", "manual"):
        return on_request(event, settings)
    raise ValueError(
        f"event {kind or event!r}; expected an S3 or Step Functions event, or a Reason of schedule or manual"
    )
