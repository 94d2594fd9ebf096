"""AWS as handlers use it: clients whose failures are our own classes, objects in S3, and the log."""

from handlers.aws.clients import (
    autoscaling,
    cloudwatch,
    cloudwatch_logs,
    dynamodb,
    forget_clients,
    is_missing,
    may_be_done,
    prepare,
    s3,
    sagemaker,
    sagemaker_briefly,
    sagemaker_runtime,
    sns,
    sqs,
    stepfunctions,
)

__all__ = [
    "autoscaling",
    "cloudwatch",
    "cloudwatch_logs",
    "dynamodb",
    "forget_clients",
    "is_missing",
    "may_be_done",
    "prepare",
    "s3",
    "sagemaker",
    "sagemaker_briefly",
    "sagemaker_runtime",
    "sns",
    "sqs",
    "stepfunctions",
]
