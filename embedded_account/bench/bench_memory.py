"""How the embedded account's memory grows over many mixed calls.

    python bench/bench_memory.py                              100,000 calls of all kinds
    python bench/bench_memory.py --calls 20000 --only sqs     one kind alone

Starts an account of its own in a temporary folder and prints its resident memory after every tenth of the calls: of
the server's process, without the functions. Each round makes what it uses and deletes it, or writes over it, so what
grows is what the account does not let go of.
"""

from __future__ import annotations

import io
import json
import tempfile
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import click
import psutil

import embedded_account
from embedded_account import AccountInfo

_THREADS = 4
_ROLE = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                        "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}}]}  # fmt: skip
_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
Call = Callable[[], Any]


class Bench:
    """An account with a bucket, a queue, a table, a function and a state machine."""

    def __init__(self, info: AccountInfo) -> None:
        self.info = info
        self._session = boto3.session.Session(info.access_key_id, info.secret_access_key, region_name=info.region)
        iam = self.client("iam")
        self.role = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=json.dumps(_ROLE))["Role"]["Arn"]
        iam.put_role_policy(RoleName="bench", PolicyName="all", PolicyDocument=json.dumps(_ALL))
        self.s3, self.sqs, self.lambda_ = self.client("s3"), self.client("sqs"), self.client("lambda")
        self.sfn, self.dynamodb, self.cloudwatch = (
            self.client("stepfunctions"),
            self.client("dynamodb"),
            self.client("cloudwatch"),
        )
        self.sagemaker = self.client("sagemaker")
        self.s3.create_bucket(Bucket="bench")
        self.queue = self.sqs.create_queue(QueueName="bench")["QueueUrl"]
        self.dynamodb.create_table(
            TableName="bench",
            KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self._make_function()
        states = {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "End": True}}
        definition = json.dumps({"StartAt": "A", "States": states})
        self.machine = self.sfn.create_state_machine(name="bench", definition=definition, roleArn=self.role)[
            "stateMachineArn"
        ]

    def client(self, service: str) -> Any:
        """Return a boto3 client of the account's root."""
        return self._session.client(service, endpoint_url=self.info.url)  # type: ignore[call-overload]

    def _make_function(self) -> None:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("app.py", "def handler(event, context):\n    return 1\n")
        self.lambda_.create_function(
            FunctionName="bench",
            Runtime="python3.11",
            Handler="app.handler",
            Role=self.role,
            Code={"ZipFile": archive.getvalue()},
        )


def s3(bench: Bench) -> Iterator[Call]:
    """Put a new key, read it, write over a key that is there, delete the first."""
    key = uuid.uuid4().hex
    yield lambda: bench.s3.put_object(Bucket="bench", Key=key, Body=b"x" * 1000)
    yield lambda: _read(bench.s3.get_object(Bucket="bench", Key=key)["Body"])
    yield lambda: bench.s3.put_object(Bucket="bench", Key="same", Body=b"x" * 1000)
    yield lambda: bench.s3.delete_object(Bucket="bench", Key=key)


def sqs(bench: Bench) -> Iterator[Call]:
    """Send a message, receive one, delete it."""
    yield lambda: bench.sqs.send_message(QueueUrl=bench.queue, MessageBody=uuid.uuid4().hex)
    received: list[Any] = []
    yield lambda: received.extend(bench.sqs.receive_message(QueueUrl=bench.queue).get("Messages", []))
    for message in received:
        yield partial(bench.sqs.delete_message, QueueUrl=bench.queue, ReceiptHandle=message["ReceiptHandle"])


def function(bench: Bench) -> Iterator[Call]:
    """Invoke a function that does nothing."""
    yield lambda: _read(bench.lambda_.invoke(FunctionName="bench", Payload=b"{}")["Payload"])


def execution(bench: Bench) -> Iterator[Call]:
    """Start an execution of two states and look at it."""
    started: list[str] = []
    yield lambda: started.append(bench.sfn.start_execution(stateMachineArn=bench.machine)["executionArn"])
    yield lambda: bench.sfn.describe_execution(executionArn=started[0])


def item(bench: Bench) -> Iterator[Call]:
    """Put an item, write over it, read it, delete it."""
    key = {"Id": {"S": uuid.uuid4().hex}}
    yield lambda: bench.dynamodb.put_item(TableName="bench", Item=key | {"N": {"N": "1"}})
    yield lambda: bench.dynamodb.put_item(TableName="bench", Item=key | {"N": {"N": "2"}})
    yield lambda: bench.dynamodb.get_item(TableName="bench", Key=key)
    yield lambda: bench.dynamodb.delete_item(TableName="bench", Key=key)


def metric(bench: Bench) -> Iterator[Call]:
    """Put a value of a metric."""
    data = {"MetricName": "m", "Value": time.time() % 60, "Dimensions": [{"Name": "n", "Value": "1"}]}
    yield lambda: bench.cloudwatch.put_metric_data(Namespace="bench", MetricData=[data])


def describe(bench: Bench) -> Iterator[Call]:
    """Look at what is there."""
    yield bench.sagemaker.list_endpoints
    yield bench.cloudwatch.describe_alarms


def _read(body: Any) -> bytes:
    content: bytes = body.read()
    return content


KINDS: dict[str, Callable[[Bench], Iterator[Call]]] = {
    "s3": s3, "sqs": sqs, "lambda": function, "executions": execution, "dynamodb": item, "cloudwatch": metric,
    "describe": describe,
}  # fmt: skip


@click.command()
@click.option("--calls", default=100_000, show_default=True)
@click.option("--only", multiple=True, type=click.Choice(list(KINDS)), help="Calls of this kind; repeatable.")
def main(calls: int, only: tuple[str, ...]) -> None:
    """Print a line for every tenth of the calls."""
    with tempfile.TemporaryDirectory() as name:
        info = embedded_account.start(Path(name))
        try:
            _measure(Bench(info), calls, only or tuple(KINDS))
        finally:
            embedded_account.stop(Path(name))


def _measure(bench: Bench, calls: int, kinds: tuple[str, ...]) -> None:
    process = psutil.Process(bench.info.pid)
    num, started = 0, time.monotonic()
    _round(bench, kinds)
    first = before = process.memory_info().rss
    with ThreadPoolExecutor(_THREADS) as threads:
        for limit in range(calls // 10, calls + 1, calls // 10):
            at_first = num
            while num < limit:
                num += sum(threads.map(lambda _: _round(bench, kinds), range(_THREADS)))
            resident = process.memory_info().rss
            growth = (resident - before) / (num - at_first)
            rate = num / (time.monotonic() - started)
            click.echo(f"{num:7} calls  {resident / 1e6:7.1f} MB  {growth:+7.0f} B a call  {rate:4.0f} calls a second")
            before = resident
    click.echo(f"grown by {(before - first) / num:.0f} B a call")


def _round(bench: Bench, kinds: tuple[str, ...]) -> int:
    num = 0
    for kind in kinds:
        for call in KINDS[kind](bench):
            call()
            num += 1
    return num


if __name__ == "__main__":
    main()
