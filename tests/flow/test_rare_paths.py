"""The paths that a healthy flow does not take, each taken by a handler under its own role in the deployed account.

A retried state is the state's own event sent to its function once more; what else is rare is brought about by a fault,
by a hand at the console, or by an execution that was stopped. Those of jobs are in test_rare_jobs.py;
tests/flow/test_permissions.py looks afterwards at what the roles needed for it.
"""

import io
import itertools
import json
import tarfile
from datetime import datetime, timedelta
from typing import Any

import pytest

import embedded_account
from embedded_account import Faults
from handlers.ledger import Arrival, Scaling
from handlers.ledger import Deployment as Deployed
from tests.flow.deployment import Deployment
from tests.flow.lookups import (
    dead_letter_of,
    endpoint_of,
    is_received,
    item_of,
    running_jobs,
    scaling_of,
    scheduled_actions,
    settled_endpoint_of,
    wait_until_endpoint_is_deleted,
)
from tests.flow.states import call, event_of, is_waiting, start_jobs, vanish
from tests.handlers.packing import tar_gz
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.account, pytest.mark.usefixtures("production", "no_sweep")]

GONE = "there-is-none"
_MODEL_OF_A_RUN = ("Dataset", "Training", "Evaluation", "Model")

_TINY = b"""
def model_fn(model_dir):
    return model_dir


def input_fn(body, content_type):
    return body


def predict_fn(data, model):
    return b"{}"


def output_fn(prediction, accept):
    return prediction
"""


@pytest.fixture(scope="module")
def stopped(frozen) -> str:
    """Give the name of an execution that was stopped before it came to anything."""
    client, machine = frozen.client("stepfunctions"), frozen.outputs["StateMachineArn"]
    text = json.dumps({"Dataset": event_of(frozen, "colours", "ValidateDataset")["Dataset"], "Trigger": {}})
    numbers = itertools.count(1)

    def aborted() -> str | None:
        """Return the name of one that did not end by itself before it was stopped."""
        name = f"stopped-{next(numbers)}"
        arn = client.start_execution(stateMachineArn=machine, name=name, input=text)["executionArn"]
        client.stop_execution(executionArn=arn)
        return name if client.describe_execution(executionArn=arn)["status"] == "ABORTED" else None

    return str(wait_for(aborted, 60))


def test_a_retried_deployment_is_answered_by_its_endpoint(frozen, broken):
    """Model and config are met by their names; the endpoint serves, or has been deleted meanwhile."""
    event = event_of(frozen, "colours", "DeployEndpoint")

    assert call(frozen, "deploy-endpoint", event) == (True, {"EndpointName": "frozen", "Move": "wait"})
    vanish(broken, "DeployEndpointRole", "DescribeEndpoint", after=1)
    assert call(frozen, "deploy-endpoint", event)[0]
    assert not is_waiting(frozen, event)


def test_pictures_of_an_archive_are_asked_about_where_they_lie(frozen, broken):
    """What an archive held was unpacked under staged/; the golden pictures of such a dataset are read there."""
    event, s3, bucket = (
        event_of(frozen, "colours", "CheckEndpoint"),
        frozen.client("s3"),
        frozen.outputs["DataBucketName"],
    )
    source = event["Dataset"]["S3Uri"].removeprefix(f"s3://{bucket}/").rstrip("/")
    key = event["Evaluation"]["EvaluationS3Uri"].removeprefix(f"s3://{bucket}/")
    evaluation = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    for golden in json.loads(evaluation)["golden"]:
        path = golden["path"]
        s3.copy_object(Bucket=bucket, Key=f"staged/rare/{path}", CopySource=f"{bucket}/{source}/{path}")
    frozen.put("runs/archived/evaluation.json", evaluation)  # beside which none of the pictures is kept yet
    event["Evaluation"]["EvaluationS3Uri"] = f"s3://{bucket}/runs/archived/evaluation.json"
    event["Dataset"]["S3Uri"] = f"s3://{bucket}/staged/rare/"

    asked = event_of(frozen, "colours", "WaitForApproval") | {"Dataset": event["Dataset"]}
    frozen.put("runs/asked/evaluation.json", evaluation)
    asked["Evaluation"]["EvaluationS3Uri"] = f"s3://{bucket}/runs/asked/evaluation.json"

    answers = [call(frozen, "check-endpoint", event)]
    broken.add("lose-event", name="SageMaker Model Package State Change", count=3)  # so the state answers by itself
    for status in ("Approved", "Rejected", "Approved"):  # the run is over: its token is answered once more, to nobody
        frozen.client("sagemaker").update_model_package(
            ModelPackageArn=asked["Model"]["ModelPackageArn"], ModelApprovalStatus=status
        )
        answers.append(call(frozen, "wait-for-approval", asked))

    assert [succeeded for succeeded, _ in answers] == [True] * 4, answers
    assert "RejectedAt" not in frozen.record(f":{asked['ExecutionName']}")


def test_scaling_is_given_back_by_the_report_of_a_refused_update(frozen, broken, stopped):
    """Taken away for another instance type, restored when SageMaker refuses; the model package is rejected."""
    _schedule_scaling(frozen)
    refused = _refused_update(frozen, broken, stopped)
    package = event_of(frozen, "colours", "DeployEndpoint")["Model"]["ModelPackageArn"]
    state = event_of(frozen, "colours", "ReportOutcome")["State"]
    for result in ("Endpoint", "Check", "Scaling"):
        state.pop(result)
    state["Failure"] = {"Error": "EndpointFailedError", "Cause": "the update was refused"}
    taken_away = scaling_of(frozen)

    succeeded, answer = call(
        frozen, "report-outcome", {"ExecutionName": refused["ExecutionName"], "Status": "FAILED", "State": state}
    )

    assert (succeeded, answer["Problems"]) == (True, [])
    assert (taken_away, scaling_of(frozen)) == ((0, 0), (1, 1))
    assert scheduled_actions(frozen) == ["nights"]
    described = frozen.client("sagemaker").describe_model_package(ModelPackageName=package)
    assert described["ModelApprovalStatus"] == "Rejected"


def test_scaling_is_given_back_when_it_is_registered_again(frozen, broken, stopped):
    """What a refused update has left taken away is restored by the next registration, and no longer kept."""
    _refused_update(frozen, broken, stopped)

    succeeded, answer = call(frozen, "register-scaling", event_of(frozen, "colours", "RegisterScaling"))

    assert succeeded, answer
    assert scaling_of(frozen) == (1, 1)
    assert scheduled_actions(frozen) == ["nights"]
    assert item_of(frozen, Scaling.key_of("frozen")) is None


def test_the_report_takes_an_unchecked_update_back(frozen, broken, stopped):
    """An update whose answer was lost serves although its state has failed; what served before serves again."""
    before = settled_endpoint_of(frozen)["EndpointConfigName"]
    frozen.client("sagemaker").update_endpoint(EndpointName="frozen", EndpointConfigName=stopped)
    unchecked = settled_endpoint_of(frozen)["EndpointConfigName"]
    state = event_of(frozen, "colours", "ReportOutcome")["State"]
    for result in ("Endpoint", "Check", "Scaling"):
        state.pop(result)

    succeeded, outcome = call(frozen, "report-outcome", {"ExecutionName": stopped, "Status": "FAILED", "State": state})

    assert (succeeded, outcome["Problems"]) == (True, [])
    assert (unchecked, settled_endpoint_of(frozen)["EndpointConfigName"]) == (stopped, before)
    # The report has removed its config and its model; the next tests need them.
    _refused_update(frozen, broken, stopped)
    assert call(frozen, "register-scaling", event_of(frozen, "colours", "RegisterScaling"))[0]


def test_an_endpoint_that_cannot_be_checked_is_set_back(frozen, broken, stopped):
    """An image of the evaluation is gone: what served before is deployed again, though the answer to it is lost."""
    event = event_of(frozen, "colours", "CheckEndpoint")
    event["Endpoint"]["PreviousEndpointConfigName"] = stopped
    golden = [{"path": "test/colour-0/gone.png", "class_name": "colour-0", "probability": 0.9}]
    _put_evaluation(frozen, event, golden)
    broken.add("lose-answer", service="sagemaker", operation="UpdateEndpoint", caller="*CheckEndpointRole*")

    succeeded, answer = call(frozen, "check-endpoint", event)

    assert (succeeded, "404: Not Found" in answer, "goes back to" in answer) == (False, True, True)
    assert settled_endpoint_of(frozen)["EndpointConfigName"] == stopped


def test_the_sweep_ends_what_a_stopped_execution_has_left(frozen, stopped):
    """Its jobs are stopped and its tokens dropped; its unchecked model goes, back to another config or altogether."""
    key = {"Id": {"S": Deployed.key_of(stopped)}}
    dynamodb, table = frozen.client("dynamodb"), frozen.outputs["TableName"]
    start_jobs(frozen, stopped)
    previous: dict[str, Any] = {"TableName": table, "Key": key, "UpdateExpression": "SET PreviousConfigName = :it"}
    dynamodb.update_item(**previous, ExpressionAttributeValues={":it": {"S": GONE}})

    succeeded, first = call(frozen, "resume-execution", {"Sweep": True})
    dynamodb.update_item(**previous, ExpressionAttributeValues={":it": {"S": ""}})
    _, second = call(frozen, "resume-execution", {"Sweep": True})

    assert succeeded, first
    assert running_jobs(frozen, stopped) == []
    assert (first["Dropped"] >= 2, first["Problems"]) == (True, 1)  # there is no such config to go back to
    assert (second["Repaired"], second["Problems"]) == (1, 0)
    wait_until_endpoint_is_deleted(frozen)


def test_an_endpoint_that_never_came_up_is_deleted(frozen):
    """It serves nothing and cannot be updated: the check deletes it, and so does the report of the failure."""
    event = event_of(frozen, "colours", "CheckEndpoint")
    event["Endpoint"]["PreviousEndpointConfigName"] = ""
    _put_evaluation(frozen, event, [])
    report = {
        "ExecutionName": "broken-1",
        "Status": "FAILED",
        "State": event_of(frozen, "colours", "ReportOutcome")["State"],
    }
    for result in ("Endpoint", "Check", "Scaling", "Model"):
        report["State"].pop(result)

    _create_failed_endpoint(frozen)
    checked, answer = call(frozen, "check-endpoint", event)
    gone_once = endpoint_of(frozen) is None
    _create_failed_endpoint(frozen)
    reported, outcome = call(frozen, "report-outcome", report)

    assert (checked, "the new endpoint was deleted" in answer, gone_once) == (False, True, True)
    assert (reported, outcome["Problems"], endpoint_of(frozen)) == (True, [], None)


def test_a_failed_endpoint_is_replaced_without_training(frozen):
    """Asked for by hand, the model that served before is deployed in the place of what serves nothing; no job runs."""
    package = event_of(frozen, "colours", "DeployEndpoint")["Model"]["ModelPackageArn"]
    frozen.client("sagemaker").update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    _create_failed_endpoint(frozen)

    succeeded, answer = call(frozen, "start-execution", {"Reason": "manual", "Dataset": "colours"})
    assert succeeded, answer
    ended = frozen.wait_until_ended(answer["ExecutionArn"])

    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    record = frozen.record(answer["ExecutionArn"])
    assert record["Reason"].endswith("again, without tuning and training")
    assert record["Remark"] in answer["Reason"]
    endpoint = settled_endpoint_of(frozen)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", answer["ExecutionName"])
    jobs = frozen.client("sagemaker").list_training_jobs(NameContains=answer["ExecutionName"])
    assert jobs["TrainingJobSummaries"] == []


def test_a_model_that_answers_wrongly_never_comes_into_service(frozen):
    """Its classes are named in another order: no instance is healthy, the run says why, what served serves on."""
    state = {part: event_of(frozen, "colours", "ReportOutcome")["State"][part] for part in _MODEL_OF_A_RUN}
    key = "runs/wrong/model.tar.gz"
    frozen.put(key, _with_classes_reversed(frozen, state["Training"]["ModelDataUrl"]))
    state["Training"]["ModelDataUrl"] = f"s3://{frozen.outputs['DataBucketName']}/{key}"
    state["Trigger"] = {"Redeploys": "colours", "Leaves": "colours"}  # so it is deployed, and nothing else
    before = settled_endpoint_of(frozen)["EndpointConfigName"]

    arn = frozen.client("stepfunctions").start_execution(
        stateMachineArn=frozen.outputs["StateMachineArn"], name="wrong-1", input=json.dumps(state)
    )["executionArn"]
    ended = frozen.wait_until_ended(arn)

    assert ended["status"] == "FAILED"
    assert (
        f"endpoint 'frozen' was rolled back to '{before}' while 'wrong-1' was deployed: golden picture 'test/"
        in (ended["cause"])
    )
    assert "weights, preprocessing, classes or this engine are not those that were judged" in ended["cause"]
    endpoint = settled_endpoint_of(frozen)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", before)


def test_the_sweep_tells_of_what_starts_nothing(frozen):
    """An archive that is not read: after two looks it is noted as told to whoever subscribed to the topic."""
    frozen.put("datasets/dropped.tar", b"no archive")

    for _ in range(2):
        succeeded, answer = call(frozen, "start-execution", {"Sweep": True})
        assert succeeded, answer

    row = item_of(frozen, Arrival.key_of("datasets/*.*"))
    frozen.client("s3").delete_object(Bucket=frozen.outputs["DataBucketName"], Key="datasets/dropped.tar")
    assert row is not None
    assert "'datasets/dropped.tar' is packed in a way that is not read" in row["Sentence"]["S"]
    assert "DoneAt" in row


def test_a_schedule_that_cannot_invoke_sends_to_the_dead_letters(stack, broken):
    """With every invocation throttled and no retry left, the input lies in the queue, sent as the scheduler's role."""
    scheduler = stack.client("scheduler")
    target = scheduler.get_schedule(Name=f"{stack.name}-sweep")["Target"]
    target |= {"Input": '"rare"', "RetryPolicy": {"MaximumRetryAttempts": 0}}
    with broken.during("throttle", service="lambda", operation="Invoke", caller="*SchedulerRole*", count=50):
        now = datetime.fromisoformat(embedded_account.advance_clock(stack.account.info, 1.0))
        at = (now + timedelta(seconds=5)).strftime("at(%Y-%m-%dT%H:%M:%S)")
        scheduler.create_schedule(Name="rare", ScheduleExpression=at, FlexibleTimeWindow={"Mode": "OFF"}, Target=target)
        letter = wait_for(lambda: dead_letter_of(stack, '"rare"'), 60)
    scheduler.delete_schedule(Name="rare")

    assert letter["ERROR_CODE"]["StringValue"] == "TooManyRequestsException"


def test_a_rule_without_its_permission_sends_to_the_dead_letters(stack):
    """The event lies in the queue with AWS's sentence, which the queue's policy lets EventBridge put there."""
    client, function = stack.client("lambda"), f"{stack.name}-start-execution"
    statements = json.loads(client.get_policy(FunctionName=function)["Policy"])["Statement"]
    statement = next(one for one in statements if "DatasetUpload" in one["Condition"]["ArnLike"]["AWS:SourceArn"])
    client.remove_permission(FunctionName=function, StatementId=statement["Sid"])
    try:
        stack.put("datasets/refused.tgz", b"no archive")
        letter = wait_for(lambda: dead_letter_of(stack, "refused.tgz"), 60)
    finally:
        client.add_permission(
            FunctionName=function,
            StatementId=statement["Sid"],
            Action=statement["Action"],
            Principal=statement["Principal"]["Service"],
            SourceArn=statement["Condition"]["ArnLike"]["AWS:SourceArn"],
        )

    assert "is not authorized to perform: lambda:InvokeFunction" in letter["ERROR_MESSAGE"]["StringValue"]


def test_an_alarm_publishes_to_the_topic(stack):
    """Subscribers hear of it, which the topic's policy lets CloudWatch tell them."""
    sqs, sns = stack.client("sqs"), stack.client("sns")
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:*", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [allow]})})
    subscribed = sns.subscribe(TopicArn=stack.outputs["TopicArn"], Protocol="sqs", Endpoint=arn)

    stack.client("cloudwatch").set_alarm_state(
        AlarmName=f"{stack.name}-predict-errors", StateValue="ALARM", StateReason="a drill"
    )

    try:
        wait_for(lambda: is_received(sqs, url, "a drill"), 60)
    finally:
        sns.unsubscribe(SubscriptionArn=subscribed["SubscriptionArn"])
        sqs.delete_queue(QueueUrl=url)


def _refused_update(frozen: Deployment, faults: Faults, stopped: str) -> dict[str, Any]:
    """Let SageMaker refuse the stopped execution's update after scaling was taken away for it; return its event."""
    event = event_of(frozen, "colours", "DeployEndpoint")
    event["ExecutionName"] = stopped
    key = f"runs/{event['ExecutionName']}/model.tar.gz"
    frozen.put(key, tar_gz({"code/inference.py": _TINY}))
    event["Training"]["ModelDataUrl"] = f"s3://{frozen.outputs['DataBucketName']}/{key}"
    vanish(faults, "DeployEndpointRole", "DescribeEndpointConfig", after=0)
    faults.add("quota", service="sagemaker", operation="UpdateEndpoint", caller="*DeployEndpointRole*")

    succeeded, answer = call(frozen, "deploy-endpoint", event)

    assert not succeeded
    assert "limit" in answer
    assert not is_waiting(frozen, event)
    return event


def _schedule_scaling(frozen: Deployment) -> None:
    """Let the endpoint's owner keep one instance at night."""
    frozen.client("application-autoscaling").put_scheduled_action(
        ServiceNamespace="sagemaker",
        ScheduledActionName="nights",
        ResourceId="endpoint/frozen/variant/AllTraffic",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        Schedule="cron(0 20 * * ? *)",
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 1},
    )


def _put_evaluation(frozen: Deployment, event: dict[str, Any], golden: list[dict[str, Any]]) -> None:
    """Let `event` name an evaluation with these golden predictions."""
    evaluation = {"training_job_name": "x", "dataset_fingerprint": "x", "num_test_images": 1, "test_top1": 1.0}
    frozen.put("runs/rare/evaluation.json", json.dumps(evaluation | {"golden": golden}).encode())
    event["Evaluation"]["EvaluationS3Uri"] = f"s3://{frozen.outputs['DataBucketName']}/runs/rare/evaluation.json"


def _with_classes_reversed(frozen: Deployment, model_data_url: str) -> bytes:
    """Return the artifact at a URL with another order of its classes."""
    bucket, _, key = model_data_url.removeprefix("s3://").partition("/")
    packed = frozen.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    target = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(packed)) as artifact, tarfile.open(fileobj=target, mode="w:gz") as wrong:
        for member in artifact:
            content = artifact.extractfile(member).read() if member.isfile() else b""  # type: ignore[union-attr]
            if member.name.endswith("model.json"):
                description = json.loads(content)
                content = json.dumps(description | {"class_names": description["class_names"][::-1]}).encode()
                member.size = len(content)
            wrong.addfile(member, io.BytesIO(content))
    return target.getvalue()


def _create_failed_endpoint(frozen: Deployment) -> None:
    """Create the endpoint from a model that cannot be unpacked."""
    sagemaker = frozen.client("sagemaker")
    wait_until_endpoint_is_deleted(frozen)
    if not sagemaker.list_endpoint_configs(NameContains="broken-1")["EndpointConfigs"]:
        _create_broken_model(frozen)
    sagemaker.create_endpoint(EndpointName="frozen", EndpointConfigName="broken-1")
    assert settled_endpoint_of(frozen)["EndpointStatus"] == "Failed"


def _create_broken_model(frozen: Deployment) -> None:
    """Create the model `broken-1`, whose artifact is no archive, and its endpoint config."""
    sagemaker, model = frozen.client("sagemaker"), event_of(frozen, "colours", "DeployEndpoint")["ExecutionName"]
    described = sagemaker.describe_model(ModelName=model)
    container = described["PrimaryContainer"] | {
        "ModelDataUrl": f"s3://{frozen.outputs['DataBucketName']}/runs/rare/evaluation.json"
    }
    sagemaker.create_model(
        ModelName="broken-1", PrimaryContainer=container, ExecutionRoleArn=described["ExecutionRoleArn"]
    )
    variant = {"VariantName": "AllTraffic", "ModelName": "broken-1", "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName="broken-1", ProductionVariants=[variant | {"InitialInstanceCount": 1}]
    )
