"""Models and endpoint configurations: what is accepted, refused and listed."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.hosted import BUCKET, IMAGE, ROLE_ARN, VARIANT, Hosting


@pytest.fixture(scope="module")
def hosting(account: RunningAccount) -> Hosting:
    """Make models in the shared account."""
    return Hosting(account.client)


@pytest.fixture(scope="module")
def model(hosting: Hosting) -> str:
    """Give a model, and an endpoint configuration of the same name."""
    return hosting.config("listed")


def test_model_describes_itself_and_is_listed(hosting: Hosting, model: str) -> None:
    """What was given comes back.

    Source: SageMaker API reference, CreateModel.
    """
    description = hosting.sagemaker.describe_model(ModelName=model)

    assert description["PrimaryContainer"]["Image"] == IMAGE
    assert description["ExecutionRoleArn"] == ROLE_ARN
    assert [entry["ModelName"] for entry in hosting.sagemaker.list_models(NameContains=model)["Models"]] == [model]


def test_second_model_of_a_name_is_refused(hosting: Hosting, model: str) -> None:
    """Names are unique.

    Source: SageMaker API reference, CreateModel.
    """
    container = hosting.sagemaker.describe_model(ModelName=model)["PrimaryContainer"]

    with pytest.raises(ClientError, match='Cannot create already existing model "arn'):
        hosting.sagemaker.create_model(ModelName=model, ExecutionRoleArn=ROLE_ARN, PrimaryContainer=container)


def test_several_models_in_one_container_are_refused_by_name(hosting: Hosting) -> None:
    """A multi-model endpoint is not carried out, which is told before its data is looked for."""
    container = {"Image": IMAGE, "Mode": "MultiModel", "ModelDataUrl": f"s3://{BUCKET}/models/"}

    with pytest.raises(ClientError, match=r"CreateModel\.PrimaryContainer\.Mode: 'MultiModel'.* TargetVariant"):
        hosting.sagemaker.create_model(ModelName="several", ExecutionRoleArn=ROLE_ARN, PrimaryContainer=container)


def test_arn_of_a_name_with_capitals_is_in_lower_case(hosting: Hosting) -> None:
    """A policy that spells the name as it was given does not fit the ARN.

    Source: Service Authorization Reference, "Resource types defined by Amazon SageMaker".
    """
    name = hosting.config("Capital")

    model = hosting.sagemaker.describe_model(ModelName=name)
    config = hosting.sagemaker.describe_endpoint_config(EndpointConfigName=name)

    assert model["ModelName"] == config["EndpointConfigName"] == name
    assert model["ModelArn"].endswith(f":model/{name.lower()}")
    assert config["EndpointConfigArn"].endswith(f":endpoint-config/{name.lower()}")


def test_image_that_is_not_served_here_is_refused_by_name(hosting: Hosting) -> None:
    """The error names the image and the kind that is served."""
    with pytest.raises(ClientError, match="tensorflow-inference") as caught:
        _create(hosting, Image="1.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.0")

    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert "pytorch-inference" in caught.value.response["Error"]["Message"]


def test_missing_model_data_is_refused(hosting: Hosting) -> None:
    """CreateModel looks for the archive.

    Source: SageMaker API reference, CreateModel.
    """
    with pytest.raises(ClientError, match=f"Could not find model data at s3://{BUCKET}/nothing/model.tar.gz"):
        _create(hosting, ModelDataUrl=f"s3://{BUCKET}/nothing/model.tar.gz")


def test_members_without_effect_are_refused_by_name(hosting: Hosting) -> None:
    """A multi-model container is not served as a single one."""
    with pytest.raises(ClientError, match="MultiModelConfig"):
        _create(hosting, MultiModelConfig={"ModelCacheSetting": "Enabled"})


def test_model_that_is_deleted_is_unknown(hosting: Hosting) -> None:
    """The error carries the ARN.

    Source: SageMaker API reference, DeleteModel.
    """
    name = _create(hosting)

    hosting.sagemaker.delete_model(ModelName=name)

    with pytest.raises(ClientError, match=f'Could not find model "arn:aws:sagemaker:.*:model/{name}"'):
        hosting.sagemaker.describe_model(ModelName=name)


def test_configuration_describes_itself_and_is_listed(hosting: Hosting, model: str) -> None:
    """What was given comes back, with the default weight.

    Source: SageMaker API reference, CreateEndpointConfig.
    """
    description = hosting.sagemaker.describe_endpoint_config(EndpointConfigName=model)

    (variant,) = description["ProductionVariants"]
    assert (variant["VariantName"], variant["InitialVariantWeight"]) == (VARIANT, 1.0)
    listed = hosting.sagemaker.list_endpoint_configs(NameContains=model)["EndpointConfigs"]
    assert [entry["EndpointConfigName"] for entry in listed] == [model]


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ({"ModelName": "nope"}, 'Could not find model "arn'),
        ({"InitialInstanceCount": None}, "InitialInstanceCount"),
        ({"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}, "ServerlessConfig"),
    ],
)
def test_configuration_that_cannot_run_is_refused(
    hosting: Hosting, model: str, variant: dict[str, Any], message: str
) -> None:
    """An unknown model, no instances, or a kind of variant that is not carried out.

    Source: SageMaker API reference, CreateEndpointConfig.
    """
    whole = {"VariantName": VARIANT, "ModelName": model, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    whole = {key: value for key, value in (whole | variant).items() if value is not None}

    with pytest.raises(ClientError, match=message):
        hosting.sagemaker.create_endpoint_config(
            EndpointConfigName=f"c-{uuid.uuid4().hex[:8]}", ProductionVariants=[whole]
        )


def test_name_of_a_configuration_is_unique_until_it_is_deleted(hosting: Hosting) -> None:
    """Names are unique, until they are free again.

    Source: SageMaker API reference, CreateEndpointConfig.
    """
    name = hosting.config("twice")
    variants = hosting.sagemaker.describe_endpoint_config(EndpointConfigName=name)["ProductionVariants"]

    with pytest.raises(ClientError, match='Cannot create already existing endpoint configuration "arn'):
        hosting.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
    hosting.sagemaker.delete_endpoint_config(EndpointConfigName=name)

    with pytest.raises(ClientError, match='Could not find endpoint configuration "arn'):
        hosting.sagemaker.describe_endpoint_config(EndpointConfigName=name)


def test_tags_of_hosting_resources_are_kept(hosting: Hosting, model: str) -> None:
    """AddTags and ListTags know models, configurations and endpoints.

    Source: SageMaker API reference, AddTags.
    """
    arn = hosting.sagemaker.describe_model(ModelName=model)["ModelArn"]

    hosting.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "birds"}])

    assert hosting.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "birds"}]


def _create(hosting: Hosting, **members: Any) -> str:
    name = f"m-{uuid.uuid4().hex[:8]}"
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/{hosting.config('any')}/model.tar.gz"} | members
    hosting.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE_ARN, PrimaryContainer=container)
    return name


def test_list_of_one_container_is_a_model(hosting: Hosting, model: str) -> None:
    """So the SDK's ModelPackage.deploy asks; a pipeline of several is refused.

    Source: SageMaker API reference, CreateModel.
    """
    given = hosting.sagemaker.describe_model(ModelName=model)["PrimaryContainer"]
    name = f"listed-{uuid.uuid4().hex[:8]}"

    hosting.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE_ARN, Containers=[given])
    with pytest.raises(ClientError, match=r"NotImplemented.*CreateModel\.Containers: 2 containers"):
        hosting.sagemaker.create_model(ModelName=f"{name}-2", ExecutionRoleArn=ROLE_ARN, Containers=[given, given])

    described = hosting.sagemaker.describe_model(ModelName=name)
    assert described["Containers"] == [given]
    assert "PrimaryContainer" not in described
