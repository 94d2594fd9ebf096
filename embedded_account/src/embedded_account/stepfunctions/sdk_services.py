"""The services of `aws-sdk` tasks, by the names that definitions and errors have of them.

Both are those of the AWS SDK for Java 2, which Step Functions calls with, and not boto3's.
Source: Step Functions developer guide, "Learning to use AWS service SDK integrations in Step Functions".
"""

from typing import NamedTuple

from botocore.model import OperationModel

from embedded_account.data_files import service_model


class SdkService(NamedTuple):
    """A service by boto3's name, and what the names of its errors begin with."""

    boto_name: str
    error_prefix: str


SERVICES = {
    "applicationautoscaling": SdkService("application-autoscaling", "ApplicationAutoScaling"),
    "budgets": SdkService("budgets", "Budgets"),
    "cloudformation": SdkService("cloudformation", "CloudFormation"),
    "cloudwatch": SdkService("cloudwatch", "CloudWatch"),
    "cloudwatchlogs": SdkService("logs", "CloudWatchLogs"),
    "dynamodb": SdkService("dynamodb", "DynamoDb"),
    "eventbridge": SdkService("events", "EventBridge"),
    "iam": SdkService("iam", "Iam"),
    "kms": SdkService("kms", "Kms"),
    "lambda": SdkService("lambda", "Lambda"),
    "resourcegroupstaggingapi": SdkService("resourcegroupstaggingapi", "ResourceGroupsTaggingApi"),
    "s3": SdkService("s3", "S3"),
    "sagemaker": SdkService("sagemaker", "SageMaker"),
    "sagemakerruntime": SdkService("sagemaker-runtime", "SageMakerRuntime"),
    "scheduler": SdkService("scheduler", "Scheduler"),
    "servicequotas": SdkService("service-quotas", "ServiceQuotas"),
    "sfn": SdkService("stepfunctions", "Sfn"),
    "sns": SdkService("sns", "Sns"),
    "sqs": SdkService("sqs", "Sqs"),
    "ssm": SdkService("ssm", "Ssm"),
    "sts": SdkService("sts", "Sts"),
}


def operation_of(service: str, action: str) -> OperationModel | None:
    """Return the operation that `action` of a definition calls; None where the service has none of that name."""
    model = service_model(SERVICES[service].boto_name)
    name = action[:1].upper() + action[1:]
    return model.operation_model(name) if name != action and name in model.operation_names else None
