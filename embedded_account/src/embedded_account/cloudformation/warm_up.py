"""Loads what the first deployment needs while nobody waits for it: it would take two to three seconds of that."""

from importlib import import_module

from moto.core.utils import get_service_model

from embedded_account.account import Account
from embedded_account.cloudformation.resources import resource_types
from embedded_account.cloudformation.transform import Transformer

# boto3's name of each service that resources/ acts through, and moto's.
_SERVICES = {
    "s3": "s3",
    "iam": "iam",
    "logs": "logs",
    "sqs": "sqs",
    "sns": "sns",
    "dynamodb": "dynamodb",
    "lambda": "awslambda",
    "events": "events",
    "scheduler": "scheduler",
    "stepfunctions": "stepfunctions",
    "sagemaker": "sagemaker",
    "cloudwatch": "cloudwatch",
}


def warm_up(account: Account) -> None:
    """Start the template translator, and load the client, model and backend of each service."""
    account.singleton(Transformer).start()
    resource_types()
    for service, package in _SERVICES.items():
        if account.stopping.is_set():
            return
        import_module(f"moto.{package}.urls")
        get_service_model(service)
        account.client(service)
