"""Where the outcome of an asynchronous invocation goes: destinations and the dead-letter queue."""

import json
import logging
import uuid
from dataclasses import dataclass
from typing import Any

from embedded_account.account import Account
from embedded_account.clock import iso8601
from embedded_account.lambda_.event_config import EffectiveConfig
from embedded_account.lambda_.function import Function
from embedded_account.lambda_.invoker import Outcome
from embedded_account.lambda_.metrics import Metrics

logger = logging.getLogger("embedded_account.lambda")


@dataclass(frozen=True)
class EventOutcome:
    """What became of one event. `outcome` is None when the handler did not run in the end."""

    request_id: str
    function_arn: str
    condition: str
    num_attempts: int
    payload: bytes
    outcome: Outcome | None


class Destinations:
    """Sends records on, as the function's own role."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._metrics = account.singleton(Metrics)

    def succeeded(self, event: EventOutcome, function: Function, config: EffectiveConfig) -> None:
        """Tell the destination for success."""
        if config.on_success_arn:
            self._send_record(config.on_success_arn, event, function)

    def failed(self, event: EventOutcome, function: Function, config: EffectiveConfig) -> None:
        """Tell the destination for failure, and put the event itself into the dead-letter queue."""
        logger.warning("event %s for %s failed: %s", event.request_id, event.function_arn, event.condition)
        if config.on_failure_arn:
            self._send_record(config.on_failure_arn, event, function)
        dead_letter_arn = function.dead_letter_config.get("TargetArn", "")
        if dead_letter_arn:
            self._deliver(
                "DeadLetterErrors", function, lambda: self._send_dead_letter(dead_letter_arn, event, function)
            )
        if not (config.on_failure_arn or dead_letter_arn):
            self._metrics.add(function.function_name, "", AsyncEventsDropped=1.0)

    def _send_record(self, arn: str, event: EventOutcome, function: Function) -> None:
        record = self._record(event)
        self._deliver("DestinationDeliveryFailures", function, lambda: self._send(arn, record, event, function))

    def _deliver(self, failure_metric: str, function: Function, send: Any) -> None:
        try:
            send()
        except Exception:  # whatever it was: Lambda counts it and goes on
            logger.exception("%s of function %s", failure_metric, function.function_name)
            self._metrics.add(function.function_name, "", **{failure_metric: 1.0})

    def _send(self, arn: str, record: dict[str, Any], event: EventOutcome, function: Function) -> None:
        text, service = json.dumps(record), arn.split(":")[2]
        client = self._account.client(service, function.role, function.function_name, by="lambda.amazonaws.com")
        if service == "sqs":
            client.send_message(QueueUrl=self._queue_url(arn), MessageBody=text)
        elif service == "sns":
            client.publish(TopicArn=arn, Message=text)
        elif service == "lambda":
            client.invoke(FunctionName=arn, InvocationType="Event", Payload=text)
        elif service == "events":
            kind = "Success" if event.condition == "Success" else "Failure"
            entry = {
                "Source": "lambda",
                "DetailType": f"Lambda Function Invocation Result - {kind}",
                "Detail": text,
                "Resources": [arn, event.function_arn],
                "EventBusName": arn,
            }
            client.put_events(Entries=[entry])
        elif service == "s3":
            client.put_object(Bucket=arn.rpartition(":")[2], Key=self._key(function), Body=text)
        else:
            raise ValueError(f"destination: {arn!r}; Lambda sends to SQS, SNS, S3, Lambda and EventBridge")

    def _key(self, function: Function) -> str:
        """Return a new object's key. Source: Lambda developer guide, "Adding a destination"."""
        now = self._account.clock.now()
        return f"aws/lambda/async/{function.function_name}/{now:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"

    def _send_dead_letter(self, arn: str, event: EventOutcome, function: Function) -> None:
        error = json.loads(event.outcome.payload) if event.outcome else {"errorMessage": event.condition}
        attributes = {
            "RequestID": event.request_id,
            "ErrorCode": "200" if event.outcome else "429",
            "ErrorMessage": str(error.get("errorMessage") or event.condition)[:1024],
        }
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        client = self._account.client(
            arn.split(":")[2], function.role, function.function_name, by="lambda.amazonaws.com"
        )
        if arn.split(":")[2] == "sqs":
            client.send_message(
                QueueUrl=self._queue_url(arn), MessageBody=event.payload.decode(), MessageAttributes=typed
            )
        else:
            client.publish(TopicArn=arn, Message=event.payload.decode(), MessageAttributes=typed)

    def _record(self, event: EventOutcome) -> dict[str, Any]:
        """Return the invocation record. Source: Lambda developer guide, destinations."""
        record: dict[str, Any] = {
            "version": "1.0",
            "timestamp": iso8601(self._account.clock.now()),
            "requestContext": {
                "requestId": event.request_id,
                "functionArn": event.function_arn,
                "condition": event.condition,
                "approximateInvokeCount": event.num_attempts,
            },
            "requestPayload": json.loads(event.payload),
        }
        if event.outcome:
            context: dict[str, Any] = {"statusCode": 200, "executedVersion": event.outcome.executed_version}
            if event.outcome.function_error:
                context["functionError"] = event.outcome.function_error
            record |= {"responseContext": context, "responsePayload": json.loads(event.outcome.payload)}
        return record

    def _queue_url(self, arn: str) -> str:
        *_, account_id, name = arn.split(":")
        return f"{self._account.url}/{account_id}/{name}"
