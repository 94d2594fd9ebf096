"""What an endpoint needs before it is deployed: the model and endpoint config of an execution."""

from collections.abc import Callable, Mapping
from typing import Any

from handlers import aws
from handlers.contract.errors import AwsError
from handlers.contract.settings import Settings
from handlers.contract.states import DeployEndpointInput
from handlers.endpoints.requests import endpoint_config_request, model_request
from handlers.executions.changes import deployed_by
from handlers.ledger import Deployment, Ledger, Run


def _create_once(create: Callable[[], object], lookup: Callable[[], object]) -> None:
    """Create a model or endpoint config; one of this execution's name that exists is an earlier try's."""
    try:
        create()
    except AwsError as error:
        if not aws.may_be_done(error):
            raise
        try:
            lookup()
        except AwsError:
            raise error from None


def instance_type(config_name: str) -> str:
    """Return the instance type of a config, or "" if the config was deleted under its endpoint."""
    try:
        config = aws.sagemaker().describe_endpoint_config(EndpointConfigName=config_name)
    except AwsError as error:
        if aws.is_missing(error):
            return ""
        raise
    return str(config["ProductionVariants"][0].get("InstanceType", ""))


def prepare(step: DeployEndpointInput, ledger: Ledger, settings: Settings) -> None:
    """Create the model and the endpoint config, each noted before it exists."""
    prepare_model(step, ledger, settings)
    prepare_config(endpoint_config_request(step, settings))


def prepare_model(step: DeployEndpointInput, ledger: Ledger, settings: Settings) -> None:
    """Create the execution's model, noted before it exists."""
    client, name = aws.sagemaker(), step.execution_name
    Deployment.note(ledger, name)
    Run(name).note_deployment(ledger, deployed_by(settings))
    _create_once(
        lambda: client.create_model(**model_request(step, settings)), lambda: client.describe_model(ModelName=name)
    )


def prepare_config(request: Mapping[str, Any]) -> None:
    """Create an endpoint config."""
    client, name = aws.sagemaker(), request["EndpointConfigName"]
    _create_once(
        lambda: client.create_endpoint_config(**request),
        lambda: client.describe_endpoint_config(EndpointConfigName=name),
    )
