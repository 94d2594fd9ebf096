"""What the handlers' tests share: a Lambda context, the environment of template.yaml, and AWS services in process."""

import contextlib
import functools
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto import backend_index, mock_aws
from moto.dynamodb.responses import DynamoHandler

from handlers import aws, deploy_endpoint, start_execution
from handlers.contract.settings import Settings
from handlers.ledger import Run, RunStatus, Serving
from tests.handlers.cases import Runtime
from tests.handlers.chaos import Chaos, Switch
from tests.handlers.environment import ENVIRONMENT, EVENTS, REGION, Context
from tests.handlers.world import Sent, World, new_world

_SERVICES = {"applicationautoscaling", "cloudwatch", "dynamodb", "logs", "s3", "sns", "sqs", "stepfunctions", "sts"}
OF_MOTO = (aws.s3, aws.dynamodb, aws.sns, aws.sqs, aws.autoscaling, aws.cloudwatch_logs, aws.cloudwatch)


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


@pytest.fixture(scope="session")
def chaos(switches: dict[str, Switch]) -> Chaos:
    """Attach to every client, in front of moto and of the fakes, whose events are more specific and come first."""
    chaos = Chaos()
    for client in (*OF_MOTO, aws.stepfunctions):
        chaos.attach(client())
    for switch in switches.values():
        switch.chaos = chaos
    return chaos


@pytest.fixture(scope="session", autouse=True)
def _writes_are_one_step() -> Iterator[None]:
    """Let moto look at a condition and write in one step, as DynamoDB does: tests write from several threads."""
    lock, original = threading.RLock(), DynamoHandler.call_action

    def one_at_a_time(self: DynamoHandler) -> Any:
        with lock:
            return original(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoHandler, "call_action", one_at_a_time)
        yield


@pytest.fixture(scope="module", autouse=True)  # not for the session: other folders ask for more
def _few_services() -> Iterator[None]:
    """Let moto ask of few services whose a request is: it tries the patterns of all of AWS, one after the other."""
    few = [(service, pattern) for service, pattern in backend_index.backend_url_patterns if service in _SERVICES]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend_index, "backend_url_patterns", few)
        yield


@pytest.fixture(scope="session")
def switches() -> Iterator[dict[str, Switch]]:
    """Attach, once, to SageMaker's clients and to the two operations that answer a waiting state."""
    switches = {name: Switch() for name in ("sagemaker", "runtime", "tokens")}
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        aws.forget_clients()
        switches["sagemaker"].attach(aws.sagemaker(), ["sagemaker"])
        switches["sagemaker"].attach(aws.sagemaker_briefly(), ["sagemaker"])
        switches["runtime"].attach(aws.sagemaker_runtime(), ["sagemaker-runtime"])
        switches["tokens"].attach(aws.stepfunctions(), ["sfn.SendTaskSuccess", "sfn.SendTaskFailure"])
        for client in OF_MOTO:
            client()
    yield switches
    aws.forget_clients()


@pytest.fixture
def world(settings: Settings, switches: dict[str, Switch]) -> Iterator[World]:
    """Give an account of the test's own."""
    with new_world(settings, switches) as world:
        yield world


@pytest.fixture
def sent(world: World, switches: dict[str, Switch]) -> Sent:
    """Give what was sent to waiting states."""
    recorder = switches["tokens"].target = Sent()
    return recorder


@pytest.fixture
def start(world, lambda_context):
    """Give a call of the handler."""
    return lambda event: start_execution.handler(event, lambda_context)


@pytest.fixture
def upload(world, event, start):
    """Give an upload of a small dataset, with its event handled; each is a minute later, and so is its sequencer."""
    numbers = itertools.count(1)

    def call(name="flowers", content="1", sequencer=None, deliver=True):
        world.put(f"datasets/{name}/daisy/1.jpg", f"{name} {content}")
        world.put(f"datasets/{name}/_SUCCESS", "")
        number = next(numbers)
        world.date(f"datasets/{name}/_SUCCESS", 60 * number)
        payload = event("s3_object_created_folder")
        payload["detail"]["object"]["key"] = f"datasets/{name}/_SUCCESS"
        payload["detail"]["object"]["sequencer"] = sequencer or f"{number:X}"
        return start(payload) if deliver else payload

    return call


@pytest.fixture
def end(world, event, start):
    """Give the end of an execution: its state, its record as ReportOutcome writes it, and its event, handled."""

    def call(name, status="SUCCEEDED", reported=True):
        world.stop_execution(name)
        if reported:
            Run(name, status=status).report(world.ledger)
            if status == RunStatus.SUCCEEDED:
                Serving.note(world.ledger, "retriever", name)
                world.sagemaker.serve(config=name)
        payload = event("execution_status_change")
        payload["detail"].update(name=name, status=status)
        return start(payload)

    return call


@pytest.fixture
def scene(settings, switches, chaos, event, lambda_context):
    """Give fresh worlds, one a run, with the case's preparations made."""

    @contextlib.contextmanager
    def make(case):
        chaos.plan(-1, None)
        payloads = functools.partial(event)
        payloads.context = lambda_context  # type: ignore[attr-defined]
        with new_world(settings, switches) as world:
            world.sent = switches["tokens"].target = Sent()
            switches["runtime"].target = Runtime()
            payload = case.prepare(world, payloads)
            yield world, payload
        chaos.plan(-1, None)

    return make


@pytest.fixture
def deploy(world, sent, event, lambda_context):
    """Give a call of the handler with a token."""
    return lambda token="T": deploy_endpoint.handler({**event("deploy_endpoint"), "TaskToken": token}, lambda_context)
