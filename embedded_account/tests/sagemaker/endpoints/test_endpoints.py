"""Endpoints from creation to deletion, over real container processes."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.account import Account
from embedded_account.pytest_plugin import RunningAccount
from embedded_account.sagemaker.shared.opt_ml import OptMl
from support.hosted import VARIANT, Hosting, Load
from support.queues import messages, new_queue
from support.waiting import eventually

# Reads AWS's own path, and says where it was told that the model is.
_HARD_CODED = """
def model_fn(model_dir):
    return open("/opt/ml/model/name").read() + " in " + model_dir

def input_fn(body, content_type):
    return body

def predict_fn(data, model):
    return model

def output_fn(prediction, accept):
    return prediction, "text/plain"
"""


@pytest.fixture(scope="module")
def hosting(account: RunningAccount) -> Hosting:
    """Make endpoints in the shared account."""
    return Hosting(account.client)


@pytest.fixture(scope="module")
def endpoint(hosting: Hosting) -> Iterator[str]:
    """Give an endpoint that every test leaves as it was: of model 'blue', in service, with one instance."""
    name = hosting.endpoint("blue")
    yield name
    hosting.delete(name)


def test_endpoint_in_service_answers_and_describes_itself(hosting: Hosting, endpoint: str) -> None:
    """A created endpoint serves its model, and says which configuration and how many instances.

    Source: SageMaker API reference, DescribeEndpoint.
    """
    answer = hosting.invoke(endpoint, b"abc", Accept="application/json")

    assert json.loads(answer["Body"].read())["model"] == "blue"
    assert answer["InvokedProductionVariant"] == VARIANT
    assert answer["ContentType"] == "application/json"
    description = hosting.sagemaker.describe_endpoint(EndpointName=endpoint)
    assert description["EndpointConfigName"].startswith("blue-")
    assert description["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    listed = hosting.sagemaker.list_endpoints(NameContains=endpoint, StatusEquals="InService")["Endpoints"]
    assert [entry["EndpointName"] for entry in listed] == [endpoint]


def test_instance_log_says_when_it_was_ready_and_its_memory(
    account: RunningAccount, hosting: Hosting, endpoint: str
) -> None:
    """Each instance has a stream of the endpoint's log group."""
    (stream,) = _streams(account, endpoint)

    assert stream.startswith(f"{VARIANT}/i-")
    assert "resident memory" in _log(account, endpoint)


def test_container_of_one_instance_gets_all_cores(hosting: Hosting, endpoint: str) -> None:
    """The thread count of a container is its share of the machine's cores."""
    answer = json.loads(hosting.invoke(endpoint)["Body"].read())

    assert answer["threads"] == str(os.cpu_count())


def test_code_that_reads_opt_ml_finds_its_model_there(hosting: Hosting, bare_account: Account) -> None:
    """Each container has its own model at /opt/ml/model, which is what model_fn is told."""
    if refusal := OptMl(bare_account).refusal:
        pytest.skip(f"no container has an /opt/ml of its own here: {refusal}")
    names = [hosting.endpoint(colour, inference=_HARD_CODED) for colour in ("teal", "navy")]

    answers = [hosting.invoke(name)["Body"].read() for name in names]

    assert answers == [b"teal in /opt/ml/model", b"navy in /opt/ml/model"]
    for name in names:
        hosting.delete(name)


@pytest.mark.parametrize("operation", ["describe_endpoint", "delete_endpoint"])
def test_unknown_endpoint_is_named_as_aws_names_it(hosting: Hosting, operation: str) -> None:
    """The error carries the ARN that the endpoint would have.

    Source: SageMaker API reference, DescribeEndpoint.
    """
    with pytest.raises(ClientError, match=r'Could not find endpoint "arn:aws:sagemaker:.*:endpoint/nope"\.') as caught:
        getattr(hosting.sagemaker, operation)(EndpointName="nope")

    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_second_endpoint_of_a_name_is_refused(hosting: Hosting, endpoint: str) -> None:
    """Names are unique.

    Source: SageMaker API reference, CreateEndpoint.
    """
    config_name = hosting.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]

    with pytest.raises(ClientError, match='Cannot create already existing endpoint "arn'):
        hosting.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config_name)


def test_unknown_configuration_is_refused(hosting: Hosting, endpoint: str) -> None:
    """An update needs a configuration that exists; the endpoint is left alone.

    Source: SageMaker API reference, CreateEndpoint.
    """
    with pytest.raises(ClientError, match='Could not find endpoint configuration "arn'):
        hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName="nope")

    assert hosting.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService"


def test_model_that_does_not_load_fails_the_endpoint(account: RunningAccount, hosting: Hosting) -> None:
    """The reason is SageMaker's sentence; the traceback is in the log; the only way on is deletion.

    Source: SageMaker API reference, CreateEndpoint.
    """
    config_name = hosting.config("broken", environment={"BROKEN": "1"})
    name = config_name
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config_name)

    description = hosting.settled(name)

    assert description["EndpointStatus"] == "Failed"
    assert description["FailureReason"] == (
        f"The primary container for production variant {VARIANT} did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )
    assert "weights of the wrong shape" in _log(account, name)
    with pytest.raises(ClientError, match="not found"):
        hosting.invoke(name)
    with pytest.raises(ClientError, match='with status "Failed"'):
        hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config_name)
    hosting.delete(name)


def test_endpoint_in_progress_refuses_changes(hosting: Hosting) -> None:
    """While it is created, an endpoint can be neither updated nor deleted.

    Source: SageMaker API reference, CreateEndpoint.
    """
    config_name = hosting.config("slow")
    hosting.sagemaker.create_endpoint(EndpointName=config_name, EndpointConfigName=config_name)

    with pytest.raises(ClientError, match='Cannot update in-progress endpoint "arn'):
        hosting.sagemaker.delete_endpoint(EndpointName=config_name)
    with pytest.raises(ClientError, match='Cannot update in-progress endpoint "arn'):
        hosting.sagemaker.update_endpoint(EndpointName=config_name, EndpointConfigName=config_name)

    hosting.settled(config_name)
    hosting.delete(config_name)


def test_update_under_load_fails_no_request(hosting: Hosting, endpoint: str) -> None:
    """While blue gives way to green and back, every request is answered, by one of the two.

    Source: SageMaker API reference, UpdateEndpoint.
    """
    blue = hosting.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    green = hosting.config("green")

    with Load(hosting, endpoint) as load:
        for config_name in (green, blue):
            hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config_name)
            assert hosting.settled(endpoint)["EndpointConfigName"] == config_name

    assert load.errors == []
    assert {json.loads(answer)["model"] for answer in load.answers} == {"blue", "green"}


def test_update_whose_model_does_not_load_stays_on_blue(hosting: Hosting, endpoint: str) -> None:
    """The endpoint is InService again on its old configuration, with the reason.

    Source: SageMaker API reference, UpdateEndpoint.
    """
    before = hosting.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    broken = hosting.config("broken", environment={"BROKEN": "1"})

    with Load(hosting, endpoint) as load:
        hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=broken)
        description = hosting.settled(endpoint)

    assert description["EndpointStatus"] == "InService"
    assert description["EndpointConfigName"] == before
    assert "did not pass the ping health check" in description["FailureReason"]
    assert load.errors == []


def test_update_retains_a_capacity_change_if_asked_to(hosting: Hosting, endpoint: str) -> None:
    """Instance counts set by hand or by autoscaling outlive an update with RetainAllVariantProperties, and only it.

    Source: SageMaker API reference, UpdateEndpoint.
    """
    blue = hosting.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    hosting.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint, DesiredWeightsAndCapacities=[{"VariantName": VARIANT, "DesiredInstanceCount": 2}]
    )
    assert _counts(hosting.settled(endpoint)) == (2, 2)

    hosting.sagemaker.update_endpoint(
        EndpointName=endpoint, EndpointConfigName=hosting.config("more"), RetainAllVariantProperties=True
    )
    retained = _counts(hosting.settled(endpoint))
    hosting.sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=blue,
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredInstanceCount"}],
    )

    assert retained == (2, 2)
    assert _counts(hosting.settled(endpoint)) == (1, 1)


def test_killed_instance_is_replaced(hosting: Hosting, endpoint: str) -> None:
    """An instance that dies makes room for a new one, and the endpoint stays in service.

    Source: SageMaker developer guide, "Custom Inference Code with Hosting Services".
    """
    killed = json.loads(hosting.invoke(endpoint)["Body"].read())["pid"]

    os.kill(killed, signal.SIGKILL)
    answer = _first_answer(hosting, endpoint)

    assert answer["pid"] != killed
    assert hosting.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService"


def test_each_status_change_is_an_event(account: RunningAccount, hosting: Hosting) -> None:
    """EventBridge hears every status, spelled as SageMaker's events spell it, in order.

    Source: SageMaker developer guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge".
    """
    config_name = hosting.config("heard")
    queue, rule = new_queue(account), f"rule-{config_name}"
    pattern = {"source": ["aws.sagemaker"], "detail": {"EndpointName": [config_name]}}
    events = account.client("events")
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": queue.arn}])

    hosting.sagemaker.create_endpoint(EndpointName=config_name, EndpointConfigName=config_name)
    hosting.settled(config_name)
    hosting.delete(config_name)

    heard = [json.loads(body) for body in messages(account, queue, at_least=3)]
    assert sorted(event["detail"]["EndpointStatus"] for event in heard) == ["CREATING", "DELETING", "IN_SERVICE"]
    (in_service,) = [event for event in heard if event["detail"]["EndpointStatus"] == "IN_SERVICE"]
    assert in_service["detail-type"] == "SageMaker Endpoint State Change"
    assert in_service["resources"] == [in_service["detail"]["EndpointArn"]]
    assert in_service["detail"]["EndpointConfigName"] == config_name
    events.remove_targets(Rule=rule, Ids=["queue"])
    events.delete_rule(Name=rule)


def test_models_and_configurations_that_come_and_go_are_events(account: RunningAccount, hosting: Hosting) -> None:
    """SageMaker tells EventBridge when a model or an endpoint configuration is created or deleted.

    Source: SageMaker developer guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge".
    """
    queue, events = new_queue(account), account.client("events")
    kinds = ["SageMaker Model State Change", "SageMaker Endpoint Config State Change"]
    rule = queue.arn.rpartition(":")[2]
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": ["aws.sagemaker"], "detail-type": kinds}))
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": queue.arn}])

    name = hosting.config("told")
    hosting.sagemaker.delete_endpoint_config(EndpointConfigName=name)
    hosting.sagemaker.delete_model(ModelName=name)

    heard = [json.loads(body) for body in messages(account, queue, at_least=4)]
    events.disable_rule(Name=rule)
    resources = [event["resources"][0].split(":")[-1] for event in heard]
    assert sorted(resources) == [f"endpoint-config/{name}"] * 2 + [f"model/{name}"] * 2


def test_waiters_know_both_ends(hosting: Hosting) -> None:
    """boto3's waiters endpoint_in_service and endpoint_deleted work.

    Source: boto3, SageMaker waiters.
    """
    config_name = hosting.config("awaited")
    quick = {"Delay": 1, "MaxAttempts": 20}

    hosting.sagemaker.create_endpoint(EndpointName=config_name, EndpointConfigName=config_name)
    hosting.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=config_name, WaiterConfig=quick)
    hosting.sagemaker.delete_endpoint(EndpointName=config_name)
    hosting.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=config_name, WaiterConfig=quick)

    with pytest.raises(ClientError, match=f"Endpoint {config_name} of account 123456789012 not found"):
        hosting.invoke(config_name)


def test_two_variants_share_the_traffic_by_weight(hosting: Hosting) -> None:
    """A variant of weight 0 gets no request unless it is named.

    Source: SageMaker API reference, ProductionVariant.
    """
    first, second = hosting.config("first"), hosting.config("second")
    variants = [
        {"VariantName": name, "ModelName": model, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        | {"InitialVariantWeight": weight}
        for name, model, weight in (("A", first, 1.0), ("B", second, 0.0))
    ]
    name = f"ab-{first}"
    hosting.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    hosting.settled(name)

    by_weight = {hosting.invoke(name)["InvokedProductionVariant"] for _ in range(10)}
    named = hosting.invoke(name, TargetVariant="B")

    assert by_weight == {"A"}
    assert json.loads(named["Body"].read())["model"] == "second"
    hosting.delete(name)


def _counts(description: dict[str, Any]) -> tuple[int, int]:
    (variant,) = description["ProductionVariants"]
    return variant["DesiredInstanceCount"], variant["CurrentInstanceCount"]


def _first_answer(hosting: Hosting, name: str) -> dict[str, Any]:
    def answer() -> dict[str, Any]:
        with suppress(ClientError):
            return dict(json.loads(hosting.invoke(name)["Body"].read()))
        return {}

    return eventually(answer, 15)


def _streams(account: RunningAccount, name: str) -> list[str]:
    group = f"/aws/sagemaker/Endpoints/{name}"
    streams = account.client("logs").describe_log_streams(logGroupName=group)["logStreams"]
    return [stream["logStreamName"] for stream in streams]


def _log(account: RunningAccount, name: str) -> str:
    logs, group = account.client("logs"), f"/aws/sagemaker/Endpoints/{name}"
    pages = [
        logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
        for stream in _streams(account, name)
    ]
    return "\n".join(event["message"] for page in pages for event in page["events"])
