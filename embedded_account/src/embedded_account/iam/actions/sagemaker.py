"""SageMaker and Application Auto Scaling.

Source: Service Authorization Reference, "Amazon SageMaker" and "AWS Application Auto Scaling"; SageMaker developer
guide, "SageMaker AI Roles" and "Endpoint auto scaling prerequisites".
"""

from collections.abc import Iterable

from embedded_account.iam.actions.rules import ANY, Call, Need, Resources, Rule, on
from embedded_account.iam.context import Value

_TAGS = "sagemaker:AddTags"
_SAGEMAKER = "sagemaker"
_LINKED_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"


def _one(kind: str, member: str) -> Resources:
    """Return the resource `kind` that `member` names; names in SageMaker's ARNs are in lower case."""

    def resources(call: Call) -> list[str]:
        name = str(call.get(member) or "")
        return [name if name.startswith("arn:") else call.arn(f"{kind}/{name.lower()}")]

    return resources


def _of(kind: str, member: str) -> Rule:
    return on(_one(kind, member))


def _package(call: Call) -> list[str]:
    """Return the resources of a new model package: its version in a group, and the group."""
    group = str(call.get("ModelPackageGroupName") or "").rpartition("/")[2].lower()
    if not group:
        return [call.arn(f"model-package/{str(call.get('ModelPackageName') or '').lower()}")]
    return [call.arn(f"model-package/{group}/*"), call.arn(f"model-package-group/{group}")]


def _to_roll_back(call: Call) -> Iterable[Need]:
    """The alarms that roll an update back are looked up when it is asked for, with the caller's permissions."""
    if call.get("DeploymentConfig.AutoRollbackConfiguration.Alarms"):
        yield Need("cloudwatch:DescribeAlarms", call.arn("alarm:*", "cloudwatch"))


def _endpoint_and_config(call: Call) -> list[str]:
    return [*_one("endpoint", "EndpointName")(call), *_one("endpoint-config", "EndpointConfigName")(call)]


_JOB = _of("training-job", "TrainingJobName")
_TUNING = _of("hyper-parameter-tuning-job", "HyperParameterTuningJobName")
_TRANSFORM = _of("transform-job", "TransformJobName")
_MODEL = _of("model", "ModelName")
_CONFIG = _of("endpoint-config", "EndpointConfigName")
_ENDPOINT = _of("endpoint", "EndpointName")
_PACKAGE = _of("model-package", "ModelPackageName")
_CARD = _of("model-card", "ModelCardName")
_GROUP = _of("model-package-group", "ModelPackageGroupName")
_JOB_LIMITS = {
    "sagemaker__InstanceTypes": "ResourceConfig.InstanceType",
    "sagemaker__MaxRuntimeInSeconds": "StoppingCondition.MaxRuntimeInSeconds",
    "sagemaker__NetworkIsolation": "EnableNetworkIsolation",
    "sagemaker__OutputKmsKey": "OutputDataConfig.KmsKeyId",
    "sagemaker__VolumeKmsKey": "ResourceConfig.VolumeKmsKeyId",
    "sagemaker__KeepAlivePeriod": "ResourceConfig.KeepAlivePeriodInSeconds",
    "sagemaker__InterContainerTrafficEncryption": "EnableInterContainerTrafficEncryption",
}


def _models(call: Call) -> dict[str, Value]:
    """Return the models that an endpoint configuration serves."""
    names = [str(variant.get("ModelName") or "") for variant in call.get("ProductionVariants") or ()]
    return {"sagemaker:ModelArn": [call.arn(f"model/{name.lower()}") for name in names]}


SAGEMAKER: dict[str, Rule] = {
    "CreateTrainingJob": _JOB.tagging(_TAGS).passing("RoleArn", _SAGEMAKER).where(**_JOB_LIMITS),
    "DescribeTrainingJob": _JOB,
    "StopTrainingJob": _JOB,
    "UpdateTrainingJob": _JOB,
    "DeleteTrainingJob": _JOB,
    "ListTrainingJobs": ANY,
    "CreateHyperParameterTuningJob": _TUNING.tagging(_TAGS)
    .passing("TrainingJobDefinition.RoleArn", _SAGEMAKER)
    .passing("TrainingJobDefinitions[].RoleArn", _SAGEMAKER)
    .where(sagemaker__InstanceTypes="TrainingJobDefinition.ResourceConfig.InstanceType"),
    "DescribeHyperParameterTuningJob": _TUNING,
    "StopHyperParameterTuningJob": _TUNING,
    "DeleteHyperParameterTuningJob": _TUNING,
    "ListHyperParameterTuningJobs": ANY,
    "ListTrainingJobsForHyperParameterTuningJob": _TUNING,
    "CreateTransformJob": _TRANSFORM.tagging(_TAGS)
    .where(sagemaker__InstanceTypes="TransformResources.InstanceType")
    .knowing(lambda call: {"sagemaker:ModelArn": call.arn(f"model/{str(call.get('ModelName')).lower()}")}),
    "DescribeTransformJob": _TRANSFORM,
    "StopTransformJob": _TRANSFORM,
    "ListTransformJobs": ANY,
    "CreateModel": _MODEL.tagging(_TAGS)
    .passing("ExecutionRoleArn", _SAGEMAKER)
    .where(sagemaker__NetworkIsolation="EnableNetworkIsolation"),
    "DescribeModel": _MODEL,
    "DeleteModel": _MODEL,
    "ListModels": ANY,
    "CreateEndpointConfig": _CONFIG.tagging(_TAGS)
    .passing("ExecutionRoleArn", _SAGEMAKER)
    .where(sagemaker__InstanceTypes="ProductionVariants[].InstanceType")
    .knowing(_models),
    "DescribeEndpointConfig": _CONFIG,
    "DeleteEndpointConfig": _CONFIG,
    "ListEndpointConfigs": ANY,
    "CreateEndpoint": on(_endpoint_and_config).tagging(_TAGS),
    "UpdateEndpoint": on(_endpoint_and_config).also(_to_roll_back),
    "UpdateEndpointWeightsAndCapacities": _ENDPOINT,
    "DescribeEndpoint": _ENDPOINT,
    "DeleteEndpoint": _ENDPOINT,
    "ListEndpoints": ANY,
    "CreateModelPackage": on(_package).tagging(_TAGS).where(sagemaker__ModelApprovalStatus="ModelApprovalStatus"),
    "DescribeModelPackage": _PACKAGE,
    "UpdateModelPackage": _of("model-package", "ModelPackageArn").where(
        sagemaker__ModelApprovalStatus="ModelApprovalStatus"
    ),
    "DeleteModelPackage": _PACKAGE,
    "ListModelPackages": ANY,
    "CreateModelCard": _CARD.tagging(_TAGS),
    "DescribeModelCard": _CARD,
    "UpdateModelCard": _CARD,
    "DeleteModelCard": _CARD,
    "ListModelCardVersions": _CARD,
    "ListModelCards": ANY,
    "CreateModelPackageGroup": _GROUP.tagging(_TAGS),
    "DescribeModelPackageGroup": _GROUP,
    "DeleteModelPackageGroup": _GROUP,
    "ListModelPackageGroups": ANY,
    "AddTags": on("{ResourceArn}"),
    "ListTags": on("{ResourceArn}"),
    "DeleteTags": on("{ResourceArn}"),
}

RUNTIME: dict[str, Rule] = {
    "InvokeEndpoint": _ENDPOINT.where(sagemaker__TargetModel="TargetModel"),
    "InvokeEndpointAsync": _ENDPOINT,
    "InvokeEndpointWithResponseStream": _ENDPOINT,
}


def _scalable_endpoint(call: Call) -> str:
    """Return the ARN of the endpoint that the resource id endpoint/NAME/variant/VARIANT speaks of."""
    return call.arn("/".join(str(call.get("ResourceId") or "").split("/")[:2]).lower(), "sagemaker")


def _to_register(call: Call) -> Iterable[Need]:
    """Application Auto Scaling looks at what it scales, and makes its linked role, with the caller's permissions."""
    if call.get("ServiceNamespace") == "lambda":
        function = call.arn(str(call.get("ResourceId") or ""), "lambda")
        for action in ("Put", "Get", "Delete"):
            yield Need(f"lambda:{action}ProvisionedConcurrencyConfig", function)
        service = "lambda.application-autoscaling.amazonaws.com"
        linked = f"role/aws-service-role/{service}/AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency"
        role = f"arn:aws:iam::{call.account_id}:{linked}"
        yield Need("iam:CreateServiceLinkedRole", role, {"iam:AWSServiceName": service})
    if call.get("ServiceNamespace") != _SAGEMAKER:
        return
    endpoint = _scalable_endpoint(call)
    yield Need("sagemaker:DescribeEndpoint", endpoint)
    yield Need("sagemaker:DescribeEndpointConfig", call.arn("endpoint-config/*", "sagemaker"))
    yield Need("sagemaker:UpdateEndpointWeightsAndCapacities", endpoint)
    role = f"arn:aws:iam::{call.account_id}:role/aws-service-role/{_LINKED_SERVICE}"
    linked = f"{role}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    yield Need("iam:CreateServiceLinkedRole", linked, {"iam:AWSServiceName": _LINKED_SERVICE})


def _to_put_policy(call: Call) -> Iterable[Need]:
    """Target tracking puts its alarms with the caller's permissions."""
    if call.get("PolicyType") == "TargetTrackingScaling":
        alarm = call.arn(f"alarm:TargetTracking-{call.get('ResourceId')}-*", "cloudwatch")
        yield Need("cloudwatch:PutMetricAlarm", alarm)
        yield Need("cloudwatch:DeleteAlarms", alarm)
        yield Need("cloudwatch:DescribeAlarms", call.arn("alarm:*", "cloudwatch"))


_TARGET = on("scalable-target/*").where(
    application_autoscaling__service_namespace="ServiceNamespace",
    application_autoscaling__scalable_dimension="ScalableDimension",
)
AUTOSCALING: dict[str, Rule] = {
    "RegisterScalableTarget": _TARGET.tagging("application-autoscaling:TagResource").also(_to_register),
    "DeregisterScalableTarget": _TARGET,
    "PutScalingPolicy": _TARGET.also(_to_put_policy),
    "DeleteScalingPolicy": _TARGET,
    "PutScheduledAction": _TARGET,
    "DeleteScheduledAction": _TARGET,
    "DescribeScalableTargets": ANY,
    "DescribeScalingActivities": ANY,
    "DescribeScalingPolicies": ANY,
    "DescribeScheduledActions": ANY,
    "TagResource": on("{ResourceARN}"),
    "UntagResource": on("{ResourceARN}"),
    "ListTagsForResource": on("{ResourceARN}"),
}
