"""The AWS account of one test of handlers."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.models import stepfunctions_backends

from handlers import aws
from handlers.contract.settings import Settings
from handlers.datasets import fingerprint
from handlers.ledger import Ledger
from handlers.ledger.table import Table
from tests.handlers.chaos import Switch
from tests.handlers.environment import ACCOUNT, BUCKET, EXECUTION, REGION
from tests.handlers.fake_sagemaker import FakeSageMaker

_DEFINITION = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}
_TABLE: dict[str, Any] = {
    "schema": [{"AttributeName": "Id", "KeyType": "HASH"}],
    "attr": [{"AttributeName": "Id", "AttributeType": "S"}],
    "billing_mode": "PAY_PER_REQUEST",
    "tags": [],
    **dict.fromkeys(("throughput", "global_indexes", "indexes", "streams", "sse_specification")),
    **dict.fromkeys(("deletion_protection_enabled", "warm_throughput")),
}


@dataclasses.dataclass
class World:
    """The AWS account of one test: S3, DynamoDB, Step Functions, SNS and autoscaling by moto, SageMaker by a fake."""

    settings: Settings
    sagemaker: FakeSageMaker
    table: Table
    ledger: Ledger
    sent: Any = None  # in a scene: what has been answered to the state machine

    def put(self, key: str, body: bytes | str = b"x") -> None:
        """Write an object of the data bucket."""
        aws.s3().put_object(Bucket=BUCKET, Key=key, Body=body.encode() if isinstance(body, str) else body)

    def date(self, key: str, seconds: float) -> None:
        """Let an object of the data bucket have been written so many seconds after the year began."""
        bucket = s3_backends[ACCOUNT]["aws"].buckets[BUCKET]
        bucket.keys[key].last_modified = datetime(2026, 1, 1) + timedelta(seconds=seconds)  # noqa: DTZ001 (moto's way)

    def put_images(self, prefix: str, **classes: int) -> None:
        """Write distinct images under `prefix`, as many a class as said; "a__b" stands for the path a/b."""
        for name, count in classes.items():
            for i in range(count):
                path = f"{prefix}{name.replace('__', '/')}/{i}.jpg"
                self.put(path, f"image {path}")

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys of the data bucket."""
        pages = aws.s3().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def json(self, s3_uri: str) -> Any:
        """Return the JSON object at a URI."""
        bucket, _, key = s3_uri.removeprefix("s3://").partition("/")
        return json.loads(aws.s3().get_object(Bucket=bucket, Key=key)["Body"].read())

    def fingerprint(self, s3_uri: str) -> str:
        return fingerprint.fingerprint_of(s3_uri)

    def start_execution(self, name: str = EXECUTION) -> str:
        """Start a running execution, which is what task tokens and turns refer to."""
        machine = self.settings.state_machine_arn
        return aws.stepfunctions().start_execution(stateMachineArn=machine, name=name, input="{}")["executionArn"]

    def stop_execution(self, name: str = EXECUTION) -> None:
        aws.stepfunctions().stop_execution(executionArn=self.settings.execution_arn(name))

    def executions(self) -> list[str]:
        machine = self.settings.state_machine_arn
        listed = aws.stepfunctions().list_executions(stateMachineArn=machine)["executions"]
        return sorted(execution["name"] for execution in listed)


def _make_stack(settings: Settings) -> None:
    """Make the stack's bucket, table, topic, queue and state machine in moto's own store: five requests take longer."""
    s3_backends[ACCOUNT]["aws"].create_bucket(BUCKET, REGION)
    dynamodb_backends[ACCOUNT][REGION].create_table(settings.table_name, **_TABLE)
    sns_backends[ACCOUNT][REGION].create_topic(settings.topic_arn.rpartition(":")[2])
    sqs_backends[ACCOUNT][REGION].create_queue(settings.arrival_queue_url.rpartition("/")[2])
    stepfunctions_backends[ACCOUNT][REGION].create_state_machine(
        settings.state_machine_arn.rpartition(":")[2],
        json.dumps(_DEFINITION),
        f"arn:aws:iam::{ACCOUNT}:role/retriever-pipeline",
    )


@contextlib.contextmanager
def new_world(settings: Settings, switches: dict[str, Switch]) -> Iterator[World]:
    """Make an account with the stack's bucket, table, topic and state machine."""
    with mock_aws():
        _make_stack(settings)
        fake = switches["sagemaker"].target = FakeSageMaker(REGION, ACCOUNT)
        ledger = Ledger(settings)
        yield World(settings, fake, ledger.table, ledger)
    for switch in switches.values():
        switch.target = None


class Sent:
    """Records SendTaskSuccess and SendTaskFailure, which moto accepts for tokens of its own executions only."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, dict[str, Any]]] = []
        self.fault: str = ""

    def answer(self, operation: str, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.fault:
            return 400, {"Error": {"Code": self.fault, "Message": f"{self.fault} of a test"}}
        self.answers.append((operation, params))
        return 200, {}
