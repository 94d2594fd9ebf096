"""boto3's own waiters and paginators, those that the flow uses."""

import itertools
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError
from embedded_account.pytest_plugin import RunningAccount
from support.functions import make_function
from support.hosted import BUCKET, Hosting

_QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {}}
_SHORT_STARTUP: dict[str, Any] = {"ContainerStartupHealthCheckTimeoutInSeconds": 60}
_QUICKLY = {"Delay": 0.05, "MaxAttempts": 400}


def _new(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def _template(count: int) -> str:
    return json.dumps({"Resources": {f"Queue{number}": _QUEUE for number in range(count)}})


def _wait(client: Any, waiter: str, **arguments: Any) -> None:
    client.get_waiter(waiter).wait(WaiterConfig=_QUICKLY, **arguments)


def test_waiters_of_a_stack_end_with_each_change(aws: Callable[[str], Any]) -> None:
    """Change set made, stack created, updated and deleted: each waiter ends once it is so."""
    client, stack = aws("cloudformation"), _new("waited")

    client.create_change_set(StackName=stack, ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=_template(1))
    _wait(client, "change_set_create_complete", StackName=stack, ChangeSetName="first")
    client.execute_change_set(StackName=stack, ChangeSetName="first")
    _wait(client, "stack_create_complete", StackName=stack)
    client.update_stack(StackName=stack, TemplateBody=_template(2))
    _wait(client, "stack_update_complete", StackName=stack)
    stack_id = client.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
    client.delete_stack(StackName=stack)
    _wait(client, "stack_delete_complete", StackName=stack_id)

    with pytest.raises(ClientError, match="does not exist"):
        client.describe_stacks(StackName=stack)


def test_waiters_of_an_endpoint_end_in_service_failed_or_deleted(account: RunningAccount) -> None:
    """`endpoint_in_service` ends well, or with an error when the endpoint fails; then `endpoint_deleted` ends."""
    hosting = Hosting(account.client)
    good, bad = _new("good"), _new("bad")
    client = hosting.sagemaker
    client.create_endpoint(EndpointName=good, EndpointConfigName=hosting.config("good"))
    broken = hosting.config("bad", environment={"SAGEMAKER_PROGRAM": "none.py"}, **_SHORT_STARTUP)
    hosting.s3.delete_object(Bucket=BUCKET, Key=f"{broken}/model.tar.gz")
    client.create_endpoint(EndpointName=bad, EndpointConfigName=broken)

    _wait(client, "endpoint_in_service", EndpointName=good)
    with pytest.raises(WaiterError, match="terminal failure state"):
        _wait(client, "endpoint_in_service", EndpointName=bad)

    for name in (good, bad):
        client.delete_endpoint(EndpointName=name)
        _wait(client, "endpoint_deleted", EndpointName=name)


def test_waiters_of_a_function_end_when_it_is_active(account: RunningAccount) -> None:
    """After a creation, an update and a publication the function can be invoked."""
    made = make_function(account, "def handler(event, context):\n    return 1\n")
    client = account.client("lambda")

    _wait(client, "function_active_v2", FunctionName=made.name)
    made.update("def handler(event, context):\n    return 2\n")
    _wait(client, "function_updated_v2", FunctionName=made.name)
    version = made.publish()
    _wait(client, "published_version_active", FunctionName=made.name, Qualifier=version)

    assert made.invoke().value == 2


def test_waiters_of_tables_buckets_and_objects_end(aws: Callable[[str], Any]) -> None:
    """A table, a bucket and an object are there when their waiters end."""
    name = _new("there")
    aws("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    aws("s3").create_bucket(Bucket=name)
    aws("s3").put_object(Bucket=name, Key="k")

    _wait(aws("dynamodb"), "table_exists", TableName=name)
    _wait(aws("s3"), "bucket_exists", Bucket=name)
    _wait(aws("s3"), "object_exists", Bucket=name, Key="k")
    aws("s3").delete_object(Bucket=name, Key="k")
    _wait(aws("s3"), "object_not_exists", Bucket=name, Key="k")


def _objects(aws: Callable[[str], Any]) -> dict[str, Any]:
    bucket = _new("paged")
    aws("s3").create_bucket(Bucket=bucket)
    for number in range(3):
        aws("s3").put_object(Bucket=bucket, Key=f"k{number}")
    return {"Bucket": bucket}


def _versions(aws: Callable[[str], Any]) -> dict[str, Any]:
    bucket = _new("versions")
    aws("s3").create_bucket(Bucket=bucket)
    aws("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(3):
        aws("s3").put_object(Bucket=bucket, Key="k")
    return {"Bucket": bucket}


def _history(aws: Callable[[str], Any]) -> dict[str, Any]:
    client = aws("stepfunctions")
    definition = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Pass", "End": True}}})
    machine = client.create_state_machine(
        name=_new("paged"), definition=definition, roleArn="arn:aws:iam::123456789012:role/tester"
    )
    arn = client.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    while client.describe_execution(executionArn=arn)["status"] == "RUNNING":
        pass
    return {"executionArn": arn}


def _log(aws: Callable[[str], Any]) -> dict[str, Any]:
    group = _new("paged")
    aws("logs").create_log_group(logGroupName=group)
    for stream in ("a", "b", "c"):
        aws("logs").create_log_stream(logGroupName=group, logStreamName=stream)
        event = {"timestamp": int(time.time() * 1000), "message": stream}
        aws("logs").put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])
    return {"logGroupName": group}


def _items(aws: Callable[[str], Any]) -> dict[str, Any]:
    table = _new("paged")
    aws("dynamodb").create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number in range(3):
        aws("dynamodb").put_item(TableName=table, Item={"Id": {"S": str(number)}})
    return {"TableName": table}


def _stack(aws: Callable[[str], Any]) -> dict[str, Any]:
    name = _new("paged")
    aws("cloudformation").create_stack(StackName=name, TemplateBody=_template(2))
    _wait(aws("cloudformation"), "stack_create_complete", StackName=name)
    return {"StackName": name}


def _configs(aws: Callable[[str], Any]) -> dict[str, Any]:
    hosting, name = Hosting(aws), _new("paged")
    for number in range(3):
        hosting.config(f"{name}-{number}")
    return {"NameContains": name}


def _package(aws: Callable[[str], Any]) -> dict[str, Any]:
    group = _new("paged")
    aws("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    for _ in range(3):
        aws("sagemaker").create_model_package(ModelPackageGroupName=group)
    return {"ModelPackageGroupName": group}


_PAGINATORS: list[tuple[str, str, str, Callable[..., dict[str, Any]], int]] = [
    ("s3", "list_objects_v2", "Contents", _objects, 3),
    ("s3", "list_object_versions", "Versions", _versions, 3),
    ("stepfunctions", "get_execution_history", "events", _history, 4),
    ("logs", "filter_log_events", "events", _log, 3),
    ("dynamodb", "scan", "Items", _items, 3),
    ("sagemaker", "list_models", "Models", _configs, 3),
    ("sagemaker", "list_endpoint_configs", "EndpointConfigs", _configs, 3),
    ("sagemaker", "list_model_packages", "ModelPackageSummaryList", _package, 3),
]


@pytest.mark.parametrize(
    ("service", "operation", "key", "make", "count"), _PAGINATORS, ids=[f"{s}:{o}" for s, o, *_ in _PAGINATORS]
)
def test_a_paginator_gives_everything_once(
    aws: Callable[[str], Any], service: str, operation: str, key: str, make: Callable[..., Any], count: int
) -> None:
    """With two to a page, several pages together hold each thing once."""
    arguments = make(aws)
    client = aws(service)

    pages = list(client.get_paginator(operation).paginate(**arguments, PaginationConfig={"PageSize": 2}))

    items = list(itertools.chain.from_iterable(page.get(key, []) for page in pages))
    assert len(pages) >= 2
    assert len(items) == count
    assert len({json.dumps(item, default=str, sort_keys=True) for item in items}) == count


def test_a_paginator_of_a_stack_gives_its_events(aws: Callable[[str], Any]) -> None:
    """DescribeStackEvents has no page size of the caller's; all events come, the newest first."""
    pages = aws("cloudformation").get_paginator("describe_stack_events").paginate(**_stack(aws))

    events = [event for page in pages for event in page["StackEvents"]]

    assert events[0]["ResourceStatus"] == "CREATE_COMPLETE"
    assert len({event["EventId"] for event in events}) == len(events) >= 6
