"""SageMaker models: an image, the model data in S3, its environment and its role."""

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from embedded_account.account import Account
from embedded_account.sagemaker.registry.model_packages import Registry
from embedded_account.sagemaker.shared.fixed_resources import FixedResources
from embedded_account.sagemaker.shared.resources import validation_error
from embedded_account.wiring.refusals import not_carried_out, refuse
from embedded_account.wiring.serving import Operation

_SERVED_IMAGE = re.compile(r"(?:^|/)pytorch-inference(?::[^/]+|@sha256:[0-9a-f]{64})$")
_S3_URL = re.compile(r"s3://([^/]+)/(.+)")


class Models:
    """Keeps the models of an account."""

    def __init__(self, account: Account, registry: Registry) -> None:
        self._account = account
        self._registry = registry
        self._models = FixedResources(account, "Model", words="model")

    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that this carries out."""
        return {
            "CreateModel": self.create,
            "DescribeModel": self.describe,
            "ListModels": self._models.page,
            "DeleteModel": self.delete,
        }

    def get(self, name: str) -> dict[str, Any]:
        """Return the description of the model `name`."""
        return self._models.get(name)

    def build_on(self, name: str) -> dict[str, Any]:
        """Return the description of the model `name` for a request that builds on it; one just made may be missing."""
        return self._models.build_on(name)

    def container(self, name: str) -> dict[str, Any]:
        """Return the Image, ModelDataUrl and Environment of the model `name`, its model package resolved."""
        description = self.get(name)
        return self._resolved(description.get("PrimaryContainer") or description["Containers"][0])

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        """Make a model; its image must be one that is served here, and its data readable by its role."""
        refuse("CreateModel", params, {"ModelName", "PrimaryContainer", "Containers", "ExecutionRoleArn", "Tags"})
        member, container = _only_container(params)
        refuse(f"CreateModel.{member}", container, _CONTAINER_MEMBERS)
        refuse(f"CreateModel.{member}", {"Mode": container.get("Mode")}, {"Mode": ("SingleModel",)}, _ONE_MODEL)
        if "ModelPackageName" in container:
            self._registry.build_on(container["ModelPackageName"])
        self._check(self._resolved(container), params["ExecutionRoleArn"])
        described = {"Mode": "SingleModel"} | container
        members = {
            member: described if member == "PrimaryContainer" else [described],
            "ExecutionRoleArn": params["ExecutionRoleArn"],
            "EnableNetworkIsolation": False,
        }
        return {"ModelArn": self._models.add(params["ModelName"], members, params.get("Tags"))}

    def describe(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with the model as it was made."""
        return self._models.look_up(params["ModelName"])

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """Delete a model; an endpoint that runs it goes on."""
        self._models.delete(params["ModelName"])
        return {}

    def _resolved(self, container: dict[str, Any]) -> dict[str, Any]:
        if "ModelPackageName" not in container:
            return container
        package = self._registry.package(container["ModelPackageName"])
        if package["ModelApprovalStatus"] != "Approved":
            raise validation_error(
                f"model package {package['ModelPackageArn']!r} has ModelApprovalStatus "
                f"{package['ModelApprovalStatus']!r}; approve it with UpdateModelPackage before it is deployed"
            )
        packaged: dict[str, Any] = package["InferenceSpecification"]["Containers"][0]
        environment = packaged.get("Environment", {}) | container.get("Environment", {})
        return {"Image": packaged["Image"], "Environment": environment} | (
            {"ModelDataUrl": packaged["ModelDataUrl"]} if "ModelDataUrl" in packaged else {}
        )

    def _check(self, container: dict[str, Any], role_arn: str) -> None:
        image, url = container.get("Image", ""), container.get("ModelDataUrl", "")
        if not _SERVED_IMAGE.search(image):
            raise not_carried_out(
                f"image {image!r}",
                "use a SageMaker image of the repository 'pytorch-inference', such as "
                "sagemaker.image_uris.retrieve('pytorch', ..., image_scope='inference')",
            )
        bucket, key = split_s3_url(url)
        try:
            self._account.client("s3", role_arn, "SageMaker", by="sagemaker.amazonaws.com").head_object(
                Bucket=bucket, Key=key
            )
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 404:
                raise validation_error(f"Could not find model data at {url}.") from error
            raise validation_error(
                f"Could not access model data at {url}. Please ensure that the role {role_arn!r} exists and that its "
                'trust relationship policy allows the action "sts:AssumeRole" for the service principal '
                '"sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that the '
                f"object is located in {self._account.region}."
            ) from error


def _only_container(params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the member in which a request names its container, and that; the SDK names a package's in a list of one.

    Raises:
        ServiceError: it names none, or a pipeline of several.
    """
    given = [name for name in ("PrimaryContainer", "Containers") if params.get(name)]
    if len(given) != 1 or "ExecutionRoleArn" not in params:
        raise validation_error("CreateModel needs an ExecutionRoleArn, and either PrimaryContainer or Containers")
    containers = params[given[0]] if given[0] == "Containers" else [params[given[0]]]
    if len(containers) > 1:
        raise not_carried_out(f"CreateModel.Containers: {len(containers)} containers", "use one")
    return given[0], containers[0]


_ONE_MODEL = "make an endpoint for each model, or a variant for each that TargetVariant names"
_CONTAINER_MEMBERS = ("Image", "ModelDataUrl", "Environment", "ModelPackageName", "Mode", "ContainerHostname")


def split_s3_url(url: str) -> tuple[str, str]:
    """Return the bucket and the key of `url`."""
    match = _S3_URL.fullmatch(url)
    if match is None:
        raise validation_error(f"ModelDataUrl: {url!r}; it must be the s3:// URL of a .tar.gz file")
    return match[1], match[2]
