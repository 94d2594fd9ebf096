"""Messages of the queue of arrivals: objects that came or went, and looks that are due.

A batch notes one change a dataset, however many objects it tells of, and asks for one look when that may have settled.
A look asks for none: one that comes to no end is the sweep's. So no chain of invocations grows, which Lambda would take
for a recursive loop and end after sixteen. Source: Lambda developer guide, "Use Lambda recursive loop detection".
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import InputError, RetrieverError
from handlers.contract.inputs import part
from handlers.contract.settings import Settings
from handlers.datasets.drops import dropped_into
from handlers.executions.settling import check
from handlers.ledger import Drop, Ledger

MAX_DELAY_SECONDS = 900  # of SQS

Record = Mapping[str, Any]


def on_messages(records: Sequence[Record], ledger: Ledger, settings: Settings) -> dict[str, Any]:
    """Do what the messages ask for; return those that are to come again, as SQS's event source mapping takes it."""
    arrivals, looks, failed = _sorted(records, settings)
    for name, told in arrivals.items():
        try:
            _note(name, max(_sent_at(one) for one in told), ledger, settings)
        except RetrieverError:
            logger.exception("arrivals were not noted", dataset=name)
            failed += told
    for name, told in looks.items():
        try:
            check(name, max(_received_at(one) for one in told), ledger, settings)
        except RetrieverError:
            logger.exception("a drop was not looked at", dataset=name)
            failed += told
    logger.info("messages handled", num_messages=len(records), datasets=[*arrivals], looks=[*looks], failed=len(failed))
    return {"batchItemFailures": [{"itemIdentifier": one["messageId"]} for one in failed]}


def _sorted(
    records: Sequence[Record], settings: Settings
) -> tuple[dict[str, list[Record]], dict[str, list[Record]], list[Record]]:
    """Return arrivals and looks by dataset, and the messages that nobody understands."""
    arrivals: dict[str, list[Record]] = defaultdict(list)
    looks: dict[str, list[Record]] = defaultdict(list)
    failed = []
    for record in records:
        try:
            body = json.loads(record["body"])
            if isinstance(body, dict) and isinstance(body.get("Look"), str):
                looks[body["Look"]].append(record)
            elif part(body, "bucket", "name") == settings.bucket_name:
                arrivals[dropped_into(part(body, "object", "key"))].append(record)
        except (ValueError, AttributeError, InputError):
            logger.exception("a message is neither an object's event nor a look", message_id=record["messageId"])
            failed.append(record)
    arrivals.pop("", None)
    return arrivals, looks, failed


def _note(name: str, at: str, ledger: Ledger, settings: Settings) -> None:
    Drop.note(ledger, name, at)
    aws.sqs().send_message(
        QueueUrl=settings.arrival_queue_url,
        MessageBody=json.dumps({"Look": name}),
        DelaySeconds=min(settings.settle_seconds, MAX_DELAY_SECONDS),
    )


def _sent_at(record: Record) -> str:
    return _iso(record["attributes"]["SentTimestamp"])


def _received_at(record: Record) -> str:
    return _iso(record["attributes"]["ApproximateFirstReceiveTimestamp"])


def _iso(milliseconds: str) -> str:
    """Return a time of SQS's clock, by which both ends of the wait are measured."""
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC).isoformat(timespec="milliseconds")
