"""What each operation needs to be allowed: a table by service and operation. S3 has a module of its own."""

from embedded_account.iam.actions.billing import BUDGETS, PRICING
from embedded_account.iam.actions.dynamodb import DYNAMODB
from embedded_account.iam.actions.functions import LAMBDA, STATES
from embedded_account.iam.actions.keys import KMS
from embedded_account.iam.actions.management import CLOUDFORMATION, IAM, STS
from embedded_account.iam.actions.messaging import EVENTS, SCHEDULER, SNS, SQS
from embedded_account.iam.actions.records import CLOUDWATCH, LOGS, QUOTAS, SSM, TAGGING
from embedded_account.iam.actions.rules import Rule
from embedded_account.iam.actions.sagemaker import AUTOSCALING, RUNTIME, SAGEMAKER

# boto3's name of the service: (its prefix in policies, its operations)
TABLE: dict[str, tuple[str, dict[str, Rule]]] = {
    "application-autoscaling": ("application-autoscaling", AUTOSCALING),
    "budgets": ("budgets", BUDGETS),
    "cloudformation": ("cloudformation", CLOUDFORMATION),
    "cloudwatch": ("cloudwatch", CLOUDWATCH),
    "dynamodb": ("dynamodb", DYNAMODB),
    "events": ("events", EVENTS),
    "iam": ("iam", IAM),
    "kms": ("kms", KMS),
    "lambda": ("lambda", LAMBDA),
    "logs": ("logs", LOGS),
    "pricing": ("pricing", PRICING),
    "resourcegroupstaggingapi": ("tag", TAGGING),
    "sagemaker": ("sagemaker", SAGEMAKER),
    "sagemaker-runtime": ("sagemaker", RUNTIME),
    "scheduler": ("scheduler", SCHEDULER),
    "service-quotas": ("servicequotas", QUOTAS),
    "sns": ("sns", SNS),
    "sqs": ("sqs", SQS),
    "ssm": ("ssm", SSM),
    "stepfunctions": ("states", STATES),
    "sts": ("sts", STS),
}
