"""What the handlers' tests share: a Lambda context, the environment of template.yaml, and AWS services in process."""

import contextlib
import dataclasses
import io
import itertools
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from handlers import aws, start_execution
from handlers.contract.settings import Settings
from handlers.datasets import fingerprint
from handlers.ledger.table import Table
from tests.handlers.fake_sagemaker import FakeSageMaker

EVENTS = Path(__file__).parent.parent / "events"
HANDLERS = Path(aws.__file__).parent.parent
CLIENTS = HANDLERS / "aws" / "clients.py"
ACCOUNT = "123456789012"
REGION = "us-east-1"
BUCKET = "retriever-data"
EXECUTION = "flowers-0123456789ab-1"

ENVIRONMENT = {
    "BUCKET_NAME": BUCKET,
    "TABLE_NAME": "retriever-table",
    "STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:retriever-pipeline",
    "ENDPOINT_NAME": "retriever",
    "TOPIC_ARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:retriever-topic",
    "MODEL_PACKAGE_GROUP_NAME": "retriever",
    "SAGEMAKER_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/retriever-sagemaker",
    "TRAINING_IMAGE_URI": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/pytorch-training:2.8-cpu",
    "INFERENCE_IMAGE_URI": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/pytorch-inference:2.6-cpu",
    "TRAINING_SOURCE_S3_URI": "s3://retriever-artifacts/0a1b/sourcedir.tar.gz",
    "MODEL_NAME": "resnet18",
    "WEIGHTS": "imagenet",
    "WEIGHTS_S3_URI": "",
    "TRAINABLE": "head",
    "FEATURE_VIEWS": "3",
    "PROFILE_STEPS": "0",
    "IMAGE_SIZE": "224",
    "EPOCHS": "20",
    "TUNING_EPOCHS": "5",
    "AUGMENT": "basic",
    "PATIENCE": "5",
    "SEED": "17",
    "VALIDATION_FRACTION": "0.2",
    "MIN_IMAGES_PER_CLASS": "2",
    "TUNING_INSTANCE_TYPE": "ml.g4dn.xlarge",
    "TRAINING_INSTANCE_TYPE": "ml.g4dn.xlarge",
    "TRAINING_INSTANCE_COUNT": "1",
    "MAX_TUNING_JOBS": "4",
    "MAX_PARALLEL_TUNING_JOBS": "2",
    "TUNING_STRATEGY": "Bayesian",
    "TUNING_EARLY_STOPPING": "Auto",
    "TUNING_WARM_START": "Auto",
    "TUNING_MAX_RUNTIME_SECONDS": "3600",
    "TRAINING_MAX_RUNTIME_SECONDS": "7200",
    "USE_SPOT": "false",
    "SPOT_MAX_WAIT_SECONDS": "82800",
    "ACCURACY_THRESHOLD": "0.9",
    "ENDPOINT_INSTANCE_TYPE": "ml.m5.large",
    "ENDPOINT_INSTANCE_COUNT": "1",
    "SCALING_MIN_INSTANCES": "1",
    "SCALING_MAX_INSTANCES": "4",
    "SCALING_TARGET_INVOCATIONS": "600",
    "SCALE_IN_COOLDOWN_SECONDS": "300",
    "SCALE_OUT_COOLDOWN_SECONDS": "60",
    "CANARY_PERCENT": "10",
    "CANARY_WAIT_SECONDS": "300",
    "TERMINATION_WAIT_SECONDS": "120",
    "ROLLBACK_ALARM_NAMES": "retriever-5xx,retriever-latency",
    "RETRAIN_WHEN": "changed",
    "LOG_LEVEL": "INFO",
    "POWERTOOLS_SERVICE_NAME": "retriever",
    "POWERTOOLS_METRICS_NAMESPACE": "Retriever",
}

_DEFINITION = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}


@dataclasses.dataclass
class Context:
    """What the Lambda runtime passes beside the event."""

    function_name: str = "retriever-function"
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:retriever-function"
    aws_request_id: str = "6bc28136-xmpl-4365-b021-0ce6b2e64ab0"
    remaining_ms: int = 30_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@pytest.fixture
def lambda_context() -> Context:
    """Give the context of one invocation."""
    return Context()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Set the environment variables of every handler."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return dict(ENVIRONMENT)


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    """Give the settings that the environment says."""
    return Settings.from_env()


@pytest.fixture
def event() -> Callable[[str], Any]:
    """Give a fresh copy of a payload in tests/events."""
    return lambda name: json.loads((EVENTS / f"{name}.json").read_text())


@dataclasses.dataclass
class World:
    """The AWS account of one test: S3, DynamoDB, Step Functions, SNS and autoscaling by moto, SageMaker by a fake."""

    settings: Settings
    sagemaker: FakeSageMaker
    table: Table

    def put(self, key: str, body: bytes | str = b"x") -> None:
        """Write an object of the data bucket."""
        aws.s3().put_object(Bucket=BUCKET, Key=key, Body=body.encode() if isinstance(body, str) else body)

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
        found = aws.stepfunctions().list_executions(stateMachineArn=machine)["executions"]
        return sorted(execution["name"] for execution in found)


class _Switch:
    """Hands a client's calls to the recorder of the running test; clients are made once, since that takes longest."""

    target: Any = None
    chaos: "Chaos | None" = None

    def attach(self, client: Any, events: Iterable[str]) -> None:
        for event in events:
            client.meta.events.register_first(f"provide-client-params.{event}", self._keep)
            client.meta.events.register_first(f"before-call.{event}", self._answer)

    def _keep(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["params_of_test"] = dict(params)

    def _answer(self, model: Any, context: dict[str, Any], **_: Any) -> Any:
        if self.target is None:
            return None
        if self.chaos and (fault := self.chaos.call(model)):
            return fault
        status, body = self.target.answer(model.name, context["params_of_test"])
        return _Response(status), body


@dataclasses.dataclass
class _Response:
    status_code: int
    raw: Any = dataclasses.field(default_factory=io.BytesIO)
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


class Chaos:
    """Counts every AWS call of a test and, when told to, lets one of them fail or ends the process before it."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.sites: set[tuple[str, str]] = set()  # of all tests: a file of handlers/, and the operation called there
        self.fault: Callable[[], Any] | None = None
        self.at = -1

    def plan(self, at: int, fault: Callable[[], Any] | None) -> None:
        """Begin to count anew; call number `at`, from 0, meets `fault`."""
        self.calls, self.at, self.fault = [], at, fault

    def attach(self, client: Any) -> None:
        client.meta.events.register_first("before-call", self.call)

    def call(self, model: Any, **_: Any) -> Any:
        """Count a call; return what it meets in place of an answer, or None."""
        self.calls.append(model.name)
        self.sites.add((_caller(), model.name))
        return self.fault() if self.fault and len(self.calls) - 1 == self.at else None


@pytest.fixture(scope="session")
def chaos(switches: dict[str, _Switch]) -> Chaos:
    """Attach to every client, in front of moto and of the fakes, whose events are more specific and come first."""
    found = Chaos()
    for client in (aws.s3, aws.dynamodb, aws.sns, aws.autoscaling, aws.stepfunctions):
        found.attach(client())
    for switch in switches.values():
        switch.chaos = found
    return found


def _caller() -> str:
    """Return the file of handlers/ that makes the call, below the module that makes clients."""
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(HANDLERS) and path != CLIENTS:
            return path.relative_to(HANDLERS).as_posix()
    return ""


def refusal(code: str, status: int = 400) -> tuple[Any, dict[str, Any]]:
    """Return what a service answers when it refuses a call with `code`."""
    return _Response(status), {"Error": {"Code": code, "Message": f"{code} of a test"}}


@pytest.fixture(scope="session")
def switches() -> Iterator[dict[str, _Switch]]:
    """Attach, once, to SageMaker's clients and to the two operations that answer a waiting state."""
    found = {name: _Switch() for name in ("sagemaker", "runtime", "tokens")}
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        aws.forget_clients()
        found["sagemaker"].attach(aws.sagemaker(), ["sagemaker"])
        found["runtime"].attach(aws.sagemaker_runtime(), ["sagemaker-runtime"])
        found["tokens"].attach(aws.stepfunctions(), ["sfn.SendTaskSuccess", "sfn.SendTaskFailure"])
        for client in (aws.s3, aws.dynamodb, aws.sns, aws.autoscaling):
            client()
    yield found
    aws.forget_clients()


@contextlib.contextmanager
def new_world(settings: Settings, switches: dict[str, _Switch]) -> Iterator[World]:
    """Make an account with the stack's bucket, table, topic and state machine."""
    with mock_aws():
        aws.s3().create_bucket(Bucket=BUCKET)
        aws.dynamodb().create_table(
            TableName=settings.table_name,
            KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        aws.sns().create_topic(Name=settings.topic_arn.rpartition(":")[2])
        aws.stepfunctions().create_state_machine(
            name=settings.state_machine_arn.rpartition(":")[2],
            definition=json.dumps(_DEFINITION),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/retriever-pipeline",
        )
        fake = switches["sagemaker"].target = FakeSageMaker(REGION, ACCOUNT)
        yield World(settings, fake, Table(settings.table_name))
    for switch in switches.values():
        switch.target = None


@pytest.fixture
def world(settings: Settings, switches: dict[str, _Switch]) -> Iterator[World]:
    """Give an account of the test's own."""
    with new_world(settings, switches) as found:
        yield found


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


@pytest.fixture
def sent(world: World, switches: dict[str, _Switch]) -> Sent:
    """Give what was sent to waiting states."""
    recorder = switches["tokens"].target = Sent()
    return recorder


@pytest.fixture
def start(world, lambda_context):
    """Give a call of the handler."""
    return lambda event: start_execution.handler(event, lambda_context)


@pytest.fixture
def upload(world, event, start):
    """Give an upload of a small dataset, with its event handled; each has a later sequencer."""
    numbers = itertools.count(1)

    def call(name="flowers", content="1", sequencer=None, deliver=True):
        world.put(f"datasets/{name}/daisy/1.jpg", f"{name} {content}")
        world.put(f"datasets/{name}/_SUCCESS", "")
        payload = event("s3_object_created_folder")
        payload["detail"]["object"]["key"] = f"datasets/{name}/_SUCCESS"
        payload["detail"]["object"]["sequencer"] = sequencer or f"{next(numbers):X}"
        return start(payload) if deliver else payload

    return call


@pytest.fixture
def end(world, event, start):
    """Give the end of an execution: its state, its record as ReportOutcome writes it, and its event, handled."""

    def call(name, status="SUCCEEDED", reported=True):
        world.stop_execution(name)
        if reported:
            world.table.update(f"run#{name}", {"Status": status})
            if status == "SUCCEEDED":
                world.table.put({"Id": "serving#retriever", "ExecutionName": name})
        payload = event("execution_status_change")
        payload["detail"].update(name=name, status=status)
        return start(payload)

    return call
