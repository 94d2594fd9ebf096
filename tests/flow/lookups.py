"""What is looked up in the deployed account: the endpoint `frozen` and its scaling, rows, jobs, messages in queues."""

from typing import Any

from botocore.exceptions import ClientError

from handlers.contract.names import training_job_name, trials_job_name, tuning_job_name
from tests.flow.deployment import Deployment
from tests.waiting import wait_for


def scaling_of(frozen: Deployment) -> tuple[int, int]:
    """Return how many scalable targets and policies the endpoint has."""
    client, own = frozen.client("application-autoscaling"), "endpoint/frozen/variant/AllTraffic"
    targets = client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[own])
    policies = client.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=own)
    return len(targets["ScalableTargets"]), len(policies["ScalingPolicies"])


def item_of(deployment: Deployment, key: str) -> dict[str, Any] | None:
    """Return the row of that key, if the table has one."""
    table = deployment.outputs["TableName"]
    answer = deployment.client("dynamodb").get_item(TableName=table, Key={"Id": {"S": key}})
    return answer.get("Item")  # type: ignore[no-any-return]


def endpoint_of(frozen: Deployment) -> dict[str, Any] | None:
    """Return the endpoint, unless it is gone or going."""
    try:
        endpoint: dict[str, Any] = frozen.client("sagemaker").describe_endpoint(EndpointName="frozen")
    except ClientError:
        return None
    return None if endpoint["EndpointStatus"] == "Deleting" else endpoint


def settled_endpoint_of(frozen: Deployment) -> dict[str, Any]:
    """Return the endpoint once it has stopped changing."""

    def settled() -> dict[str, Any] | None:
        endpoint = endpoint_of(frozen)
        return endpoint if endpoint and endpoint["EndpointStatus"] in ("InService", "Failed") else None

    return dict(wait_for(settled, 120))


def wait_until_endpoint_is_deleted(frozen: Deployment) -> None:
    """Return once the account lists the endpoint no more."""

    def is_deleted() -> bool:
        listed = frozen.client("sagemaker").list_endpoints(NameContains="frozen")["Endpoints"]
        return not [one for one in listed if one["EndpointName"] == "frozen"]

    wait_for(is_deleted, 60)


def dead_letter_of(stack: Deployment, text: str) -> dict[str, Any] | None:
    """Return the attributes of the dead letter of an event that has `text` in it, and take it out of the queue."""
    sqs = stack.client("sqs")
    resource = stack.client("cloudformation").describe_stack_resource(
        StackName=stack.name, LogicalResourceId="EventDeadLetterQueue"
    )
    url = resource["StackResourceDetail"]["PhysicalResourceId"]
    received = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=["All"]
    )
    for message in received.get("Messages", ()):
        if text in message["Body"]:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return dict(message["MessageAttributes"])
    return None


def is_received(sqs: Any, url: str, text: str) -> bool:
    """Tell whether a message with `text` is in the queue."""
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return any(text in message["Body"] for message in received.get("Messages", ()))


def scheduled_actions(frozen: Deployment) -> list[str]:
    """Return the names of the endpoint's scheduled actions."""
    client = frozen.client("application-autoscaling")
    actions = client.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"]
    return [one["ScheduledActionName"] for one in actions if "/frozen/" in one["ResourceId"]]


def running_jobs(frozen: Deployment, execution_name: str) -> list[str]:
    """Return the statuses of the execution's jobs that are not stopped, nor about to be."""
    sagemaker = frozen.client("sagemaker")
    tuning = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning_job_name(execution_name))
    jobs = [
        sagemaker.describe_training_job(TrainingJobName=name)
        for name in (trials_job_name(execution_name), training_job_name(execution_name))
    ]
    statuses = [tuning["HyperParameterTuningJobStatus"], *(job["TrainingJobStatus"] for job in jobs)]
    return [status for status in statuses if status not in ("Stopping", "Stopped")]
