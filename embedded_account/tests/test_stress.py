"""Many callers at once: whatever is made, listed and removed meanwhile, no request meets a half-made record."""

import io
import itertools
import json
import random
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount

from embedded_account import control

_SECONDS = 2.0
_THREADS = 8
_CONFIG = Config(retries={"total_max_attempts": 1}, read_timeout=60, max_pool_connections=_THREADS)

pytestmark = pytest.mark.account
_PASS = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
_WAIT = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}})
_TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
]})  # fmt: skip
_PATTERN = json.dumps({"source": ["aws.states"]})
_STACK = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}, "Topic": {"Type": "AWS::SNS::Topic"}}})
_SWITCHING = "import sys\nsys.setswitchinterval(1e-5)\n"  # threads meet five hundred times as often as by default


@pytest.fixture(scope="module")
def restless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAccount]:
    """Give an account whose threads are switched all the time, so that races are lost when there are any."""
    folder, hooks = tmp_path_factory.mktemp("restless") / ".local", tmp_path_factory.mktemp("hooks")
    (hooks / "sitecustomize.py").write_text(_SWITCHING)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(hooks))
        account = RunningAccount(control.start(folder), folder)
    account.role("tester")
    yield account
    control.stop(folder)


class Caller:
    """What one thread calls, at random and by its own numbers."""

    def __init__(self, clients: dict[str, Any], number: int, shared: dict[str, str]) -> None:
        self.clients = clients
        self.random = random.Random(number)
        self.names = (f"stress-{number}-{each}" for each in itertools.count())
        self.made: dict[str, list[Any]] = {}
        self.shared = shared

    def run(self, until: float) -> list[str]:
        """Call until then; return what no caller should see."""
        wrong = []
        acts: list[Callable[[Caller], Any]] = [act for acts in _SERVICES.values() for act in acts]
        while time.monotonic() < until:
            act = self.random.choice(acts)
            try:
                act(self)
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if status >= 500:
                    wrong.append(f"{error.operation_name}: {status}: {error}")
        return wrong

    def make(self, kind: str, act: Callable[[str], Any]) -> None:
        """Make one under a new name, and remember what it is called by."""
        name = next(self.names)
        made = act(name)
        self.made.setdefault(kind, []).append(made if isinstance(made, str) else name)

    def drop(self, kind: str, act: Callable[[Any], Any]) -> None:
        """Remove the one that was made first, if there is one."""
        if self.made.get(kind):
            act(self.made[kind].pop(0))

    def any(self, kind: str, act: Callable[[Any], Any]) -> None:
        """Look at one that this caller has made."""
        if self.made.get(kind):
            act(self.random.choice(self.made[kind]))


def _archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("app.py", "def handler(event, context):\n    return 1\n")
    return buffer.getvalue()


_ARCHIVE = _archive()


def _function(c: Caller, name: str) -> None:
    c.clients["lambda"].create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="app.handler",
        Role=c.shared["role"],
        Code={"ZipFile": _ARCHIVE},
    )


def _start(c: Caller, machine: str) -> str:
    return str(c.clients["stepfunctions"].start_execution(stateMachineArn=c.shared[machine])["executionArn"])


def _sum(c: Caller) -> None:
    query = {
        "Id": "a",
        "MetricStat": {"Metric": {"Namespace": "AWS/Lambda", "MetricName": "Invocations"}, "Period": 60, "Stat": "Sum"},
    }
    now = time.time()
    c.clients["cloudwatch"].get_metric_data(MetricDataQueries=[query], StartTime=now - 600, EndTime=now + 600)


def _sample(c: Caller) -> None:
    datum = {"MetricName": next(c.names), "Value": 1.0}
    c.clients["cloudwatch"].put_metric_data(Namespace="Stress", MetricData=[datum])


_SERVICES: dict[str, list[Callable[[Caller], Any]]] = {
    "stepfunctions": [
        lambda c: c.make("execution", lambda _: _start(c, "pass")),
        lambda c: c.make("execution", lambda _: _start(c, "wait")),
        lambda c: c.drop("execution", lambda arn: c.clients["stepfunctions"].stop_execution(executionArn=arn)),
        lambda c: c.any("execution", lambda arn: c.clients["stepfunctions"].describe_execution(executionArn=arn)),
        lambda c: c.any("execution", lambda arn: c.clients["stepfunctions"].get_execution_history(executionArn=arn)),
        lambda c: c.clients["stepfunctions"].list_executions(stateMachineArn=c.shared["pass"]),
        lambda c: c.clients["stepfunctions"].list_executions(stateMachineArn=c.shared["wait"], statusFilter="RUNNING"),
        lambda c: c.clients["stepfunctions"].send_task_success(taskToken="none", output="{}"),
        lambda c: c.clients["stepfunctions"].list_state_machines(),
    ],
    "lambda": [
        lambda c: c.clients["lambda"].invoke(FunctionName="stress"),
        lambda c: c.clients["lambda"].invoke(FunctionName="stress", InvocationType="Event"),
        lambda c: c.clients["lambda"].list_functions(),
        lambda c: c.make("function", lambda name: _function(c, name)),
        lambda c: c.drop("function", lambda name: c.clients["lambda"].delete_function(FunctionName=name)),
        lambda c: c.any("function", lambda name: c.clients["lambda"].publish_version(FunctionName=name)),
        lambda c: c.any("function", lambda name: c.clients["lambda"].list_versions_by_function(FunctionName=name)),
        lambda c: c.clients["lambda"].get_account_settings(),
    ],
    "s3": [
        lambda c: c.make("object", lambda key: c.clients["s3"].put_object(Bucket="stress", Key=key, Body=b"x") and key),
        lambda c: c.make("object", lambda key: c.clients["s3"].put_object(Bucket="stress", Key=key, Body=b"x") and key),
        lambda c: c.drop("object", lambda key: c.clients["s3"].delete_object(Bucket="stress", Key=key)),
        lambda c: c.any("object", lambda key: c.clients["s3"].get_object(Bucket="stress", Key=key)["Body"].read()),
        lambda c: c.clients["s3"].list_objects_v2(Bucket="stress"),
        lambda c: c.clients["s3"].list_object_versions(Bucket="stress"),
        lambda c: c.make("bucket", lambda name: c.clients["s3"].create_bucket(Bucket=name) and name),
        lambda c: c.drop("bucket", lambda name: c.clients["s3"].delete_bucket(Bucket=name)),
        lambda c: c.clients["s3"].list_buckets(),
    ],
    "cloudformation": [
        lambda c: c.make("stack", lambda n: c.clients["cloudformation"].create_stack(StackName=n, TemplateBody=_STACK)),
        lambda c: c.drop("stack", lambda name: c.clients["cloudformation"].delete_stack(StackName=name)),
        lambda c: c.any("stack", lambda name: c.clients["cloudformation"].describe_stack_events(StackName=name)),
        lambda c: c.any("stack", lambda name: c.clients["cloudformation"].describe_stack_resources(StackName=name)),
        lambda c: c.clients["cloudformation"].describe_stacks(),
        lambda c: c.clients["cloudformation"].list_stacks(),
    ],
    "iam": [
        lambda c: c.make("role", lambda n: c.clients["iam"].create_role(RoleName=n, AssumeRolePolicyDocument=_TRUST)),
        lambda c: c.drop("role", lambda name: c.clients["iam"].delete_role(RoleName=name)),
        lambda c: c.clients["iam"].list_roles(),
    ],
    "dynamodb": [
        lambda c: c.clients["dynamodb"].put_item(TableName="stress", Item={"Id": {"S": next(c.names)}}),
        lambda c: c.clients["dynamodb"].scan(TableName="stress"),
        lambda c: c.clients["dynamodb"].list_tables(),
    ],
    "sqs": [
        lambda c: c.make("queue", lambda name: c.clients["sqs"].create_queue(QueueName=name)["QueueUrl"]),
        lambda c: c.drop("queue", lambda url: c.clients["sqs"].delete_queue(QueueUrl=url)),
        lambda c: c.any("queue", lambda url: c.clients["sqs"].send_message(QueueUrl=url, MessageBody="m")),
        lambda c: c.any("queue", lambda url: c.clients["sqs"].receive_message(QueueUrl=url)),
        lambda c: c.clients["sqs"].list_queues(),
    ],
    "events": [
        lambda c: c.make("rule", lambda n: c.clients["events"].put_rule(Name=n, EventPattern=_PATTERN) and n),
        lambda c: c.drop("rule", lambda name: c.clients["events"].delete_rule(Name=name)),
        lambda c: c.clients["events"].list_rules(),
        lambda c: c.clients["events"].put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}"}]),
    ],
    "logs": [
        lambda c: c.clients["logs"].describe_log_groups(),
        lambda c: c.clients["logs"].filter_log_events(logGroupName="/aws/lambda/stress", limit=100),
        lambda c: c.clients["logs"].describe_log_streams(logGroupName="/aws/lambda/stress"),
    ],
    "cloudwatch": [
        _sample,
        _sum,
        lambda c: c.clients["cloudwatch"].list_metrics(),
        lambda c: c.clients["cloudwatch"].describe_alarms(),
    ],
    "sagemaker": [
        lambda c: c.make("group", lambda n: _group(c, n)),
        lambda c: c.drop("group", lambda n: c.clients["sagemaker"].delete_model_package_group(ModelPackageGroupName=n)),
        lambda c: c.clients["sagemaker"].list_model_package_groups(),
        lambda c: c.clients["sagemaker"].list_training_jobs(),
        lambda c: c.clients["sagemaker"].list_endpoints(),
    ],
}


def _group(c: Caller, name: str) -> None:
    c.clients["sagemaker"].create_model_package_group(ModelPackageGroupName=name)


@pytest.fixture(scope="module")
def clients(restless: RunningAccount) -> dict[str, Any]:
    """Give a client for each service, which the threads share."""
    return {name: restless.client(name, config=_CONFIG) for name in _SERVICES}


@pytest.fixture(scope="module")
def shared(restless: RunningAccount, clients: dict[str, Any]) -> dict[str, str]:
    """Make what all callers have in common; give what it is called by."""
    role = f"arn:aws:iam::{restless.info.account_id}:role/tester"
    sfn = clients["stepfunctions"]
    machines = {
        name: sfn.create_state_machine(name=name, definition=definition, roleArn=role)["stateMachineArn"]
        for name, definition in (("pass", _PASS), ("wait", _WAIT))
    }
    clients["s3"].create_bucket(Bucket="stress")
    notification: dict[str, Any] = {"EventBridgeConfiguration": {}}
    clients["s3"].put_bucket_notification_configuration(Bucket="stress", NotificationConfiguration=notification)
    clients["dynamodb"].create_table(
        TableName="stress",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
    )
    shared = machines | {"role": role}
    _function(Caller(clients, -1, shared), "stress")
    clients["lambda"].invoke(FunctionName="stress")
    return shared


def test_no_request_fails_when_all_come_at_once(
    restless: RunningAccount, clients: dict[str, Any], shared: dict[str, str]
) -> None:
    """Eight callers make, list, look at and remove things of every service: none is answered with a 5xx."""
    callers = [Caller(clients, number, shared) for number in range(_THREADS)]
    until = time.monotonic() + _SECONDS

    with ThreadPoolExecutor(_THREADS) as pool:
        wrong = [error for errors in pool.map(lambda caller: caller.run(until), callers) for error in errors]

    assert wrong == []
    assert "Traceback" not in control.log_path(restless.folder).read_text()


def _at_once(act: Callable[[], Any]) -> list[Any]:
    """Return what `act` returns to as many threads; None where it was refused."""

    def attempt(_: int) -> Any:
        try:
            return act()
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                raise
            return None

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(attempt, range(_THREADS)))


def test_of_those_with_one_condition_one_writes(clients: dict[str, Any], shared: dict[str, str]) -> None:
    """A conditional write is one step: of callers that each want to be the first, exactly one is.

    Source: DynamoDB developer guide, "Condition expressions".
    """

    def put_all() -> list[int]:
        return [number for number in range(20) if _put_first(clients["dynamodb"], f"first-{number}")]

    winners = sorted(number for numbers in _at_once(put_all) for number in numbers)

    assert winners == list(range(20))


def _put_first(client: Any, key: str) -> bool:
    try:
        client.put_item(TableName="stress", Item={"Id": {"S": key}}, ConditionExpression="attribute_not_exists(Id)")
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True


def test_one_name_starts_one_execution(clients: dict[str, Any], shared: dict[str, str]) -> None:
    """StartExecution is idempotent for a running execution of the same name and input, however many call at once.

    Source: Step Functions API reference, StartExecution.
    """
    sfn, machine = clients["stepfunctions"], shared["wait"]

    started = _at_once(lambda: sfn.start_execution(stateMachineArn=machine, name="once", input="{}")["startDate"])

    listed = sfn.list_executions(stateMachineArn=machine, maxResults=1000)["executions"]
    assert len(set(started)) == 1
    assert [each["name"] for each in listed].count("once") == 1


def test_one_name_makes_one_group(clients: dict[str, Any]) -> None:
    """Of callers that create one thing under one name, one does, and the others are told that it exists."""
    sagemaker = clients["sagemaker"]

    made = _at_once(lambda: sagemaker.create_model_package_group(ModelPackageGroupName="once")["ModelPackageGroupArn"])

    assert sum(each is not None for each in made) == 1
