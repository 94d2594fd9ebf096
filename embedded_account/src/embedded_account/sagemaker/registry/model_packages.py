"""The model registry: model package groups and their numbered model packages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.sagemaker.shared.consistency import Consistency
from embedded_account.sagemaker.shared.listing import page, select
from embedded_account.sagemaker.shared.resources import arn, validation_error
from embedded_account.sagemaker.shared.tags import Tags
from embedded_account.wiring.refusals import refuse
from embedded_account.wiring.serving import Operation

_APPROVED = "Approved"
_KEPT_MEMBERS = (
    "ModelPackageDescription",
    "InferenceSpecification",
    "MetadataProperties",
    "ModelMetrics",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "CustomerMetadataProperties",
    "DriftCheckBaselines",
    "SourceUri",
)
_OF_GROUPS = {"name_key": "ModelPackageGroupName", "status_key": "ModelPackageGroupStatus", "order": "Ascending"}
_OF_PACKAGES = {"name_key": "ModelPackageGroupName", "status_key": "ModelPackageStatus", "order": "Ascending"}
_EVENT = "SageMaker Model Package State Change"


@dataclass
class Group:
    """A model package group and its packages, by version."""

    description: dict[str, Any]
    packages: dict[int, dict[str, Any]] = field(default_factory=dict)
    last_version: int = 0


class Registry:
    """Keeps the model package groups of an account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._tags = account.singleton(Tags)
        self._consistency = account.singleton(Consistency)
        self._lock = Lock()
        self._groups: dict[str, Group] = {}
        self._versions_by_token: dict[str, str] = {}
        account.persist_members("model-registry", self, "_groups", "_versions_by_token")

    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that this carries out."""
        return {
            "CreateModelPackageGroup": self.create_group,
            "DescribeModelPackageGroup": self.describe_group,
            "ListModelPackageGroups": self.list_groups,
            "DeleteModelPackageGroup": self.delete_group,
            "CreateModelPackage": self.create_package,
            "DescribeModelPackage": self.describe_package,
            "ListModelPackages": self.list_packages,
            "UpdateModelPackage": self.update_package,
            "DeleteModelPackage": self.delete_package,
        }

    def package(self, name_or_arn: str) -> dict[str, Any]:
        """Return the model package of an ARN, or of a `group/version`."""
        group_name, _, version = name_or_arn.rpartition("model-package/")[2].rpartition("/")
        group = self._groups.get(group_name)
        package = group.packages.get(int(version)) if group and version.isdigit() else None
        if package is None:
            raise self._missing(name_or_arn)
        return package

    def build_on(self, name_or_arn: str) -> dict[str, Any]:
        """Return the model package for a request that builds on it; one that was just made may be missing."""
        package = self.package(name_or_arn)
        if self._consistency.hides(package["ModelPackageArn"]):
            raise self._missing(name_or_arn)
        return package

    def create_group(self, params: dict[str, Any]) -> dict[str, Any]:
        """Make a group without packages; its name is unique."""
        name = params["ModelPackageGroupName"]
        refuse("CreateModelPackageGroup", params, {*_GROUP_MEMBERS, "Tags"})
        group_arn = arn(self._account, "model-package-group", name)
        with self._lock:
            if name in self._groups:
                raise validation_error(f"Model Package Group already exists: {group_arn}")
            description = {key: params[key] for key in _GROUP_MEMBERS if key in params}
            self._groups[name] = Group(
                description
                | {
                    "ModelPackageGroupArn": group_arn,
                    "CreationTime": self._account.clock.now(),
                    "ModelPackageGroupStatus": "Completed",
                    "CreatedBy": {},
                }
            )
        self._tags.announce(group_arn, params.get("Tags"))
        return {"ModelPackageGroupArn": group_arn}

    def describe_group(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with the group of a name or an ARN."""
        return self._group(params["ModelPackageGroupName"]).description

    def list_groups(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with a page of the groups that the filters leave."""
        summaries = [
            {key: value for key, value in group.description.items() if key != "CreatedBy"}
            for group in list(self._groups.values())
        ]
        chosen = select(summaries, params, **_OF_GROUPS)
        return page(chosen, params, "ModelPackageGroupSummaryList")

    def delete_group(self, params: dict[str, Any]) -> dict[str, Any]:
        """Delete a group; refused while it holds packages, as AWS refuses it."""
        group = self._group(params["ModelPackageGroupName"])
        with self._lock:
            if group.packages:
                raise validation_error(
                    f"Model Package Group {group.description['ModelPackageGroupArn']} cannot be deleted because it "
                    "still contains Model Packages."
                )
            del self._groups[group.description["ModelPackageGroupName"]]
        self._tags.forget(group.description["ModelPackageGroupArn"])
        return {}

    def create_package(self, params: dict[str, Any]) -> dict[str, Any]:
        """Make the next version of a group; a repeated ClientToken answers with the first one."""
        refuse(
            "CreateModelPackage",
            params,
            {"ModelPackageGroupName", "ModelApprovalStatus", "ClientToken", "SkipModelValidation", *_KEPT_MEMBERS},
        )
        if "ModelPackageGroupName" not in params:
            raise validation_error("ModelPackageGroupName must be given: only versioned model packages are kept here")
        group = self._group(params["ModelPackageGroupName"])
        token = params.get("ClientToken", "")
        with self._lock:
            if token and token in self._versions_by_token:
                return {"ModelPackageArn": self._versions_by_token[token]}
            group.last_version += 1
            package = self._new_package(params, group.last_version)
            group.packages[group.last_version] = package
            if token:
                self._versions_by_token[token] = package["ModelPackageArn"]
        self._consistency.made(package["ModelPackageArn"])
        self._tags.announce(package["ModelPackageArn"])
        self._put_event(package)
        return {"ModelPackageArn": package["ModelPackageArn"]}

    def describe_package(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with the package of an ARN."""
        package = self.package(params["ModelPackageName"])
        if self._consistency.misses(package["ModelPackageArn"]):
            raise self._missing(params["ModelPackageName"])
        return package

    def list_packages(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with a page of the packages of a group, or of all."""
        names = [params["ModelPackageGroupName"]] if params.get("ModelPackageGroupName") else list(self._groups)
        packages = [package for name in names for package in list(self._group(name).packages.values())]
        wanted = params.get("ModelApprovalStatus")
        summaries = [
            {key: package[key] for key in _SUMMARY_MEMBERS if key in package}
            for package in packages
            if not wanted or package["ModelApprovalStatus"] == wanted
        ]
        summaries = self._consistency.listed(summaries, "ModelPackageArn")
        chosen = select(summaries, params, **_OF_PACKAGES)
        return page(chosen, params, "ModelPackageSummaryList")

    def update_package(self, params: dict[str, Any]) -> dict[str, Any]:
        """Change the approval status and the customer's metadata."""
        refuse(
            "UpdateModelPackage",
            params,
            {
                "ModelPackageArn",
                "ModelApprovalStatus",
                "ApprovalDescription",
                "CustomerMetadataProperties",
                "CustomerMetadataPropertiesToRemove",
            },
        )
        package = self.package(params["ModelPackageArn"])
        with self._lock:
            for key in ("ModelApprovalStatus", "ApprovalDescription"):
                if key in params:
                    package[key] = params[key]
            metadata = package.setdefault("CustomerMetadataProperties", {})
            metadata.update(params.get("CustomerMetadataProperties", {}))
            for key in params.get("CustomerMetadataPropertiesToRemove", []):
                metadata.pop(key, None)
            package["LastModifiedTime"] = self._account.clock.now()
        self._put_event(package, [key for key in _CHANGEABLE_MEMBERS if key in params])
        return {"ModelPackageArn": package["ModelPackageArn"]}

    def delete_package(self, params: dict[str, Any]) -> dict[str, Any]:
        """Delete a package; its version number is not given again."""
        package = self.package(params["ModelPackageName"])
        with self._lock:
            del self._group(package["ModelPackageGroupName"]).packages[package["ModelPackageVersion"]]
        self._tags.forget(package["ModelPackageArn"])
        return {}

    def _missing(self, name_or_arn: str) -> ServiceError:
        return validation_error(f"ModelPackage {self._package_arn(name_or_arn)} does not exist.")

    def _group(self, name_or_arn: str) -> Group:
        group = self._groups.get(name_or_arn.rpartition("/")[2])
        if group is None:
            raise validation_error(f"ModelPackageGroup {self._group_arn(name_or_arn)} does not exist.")
        return group

    def _group_arn(self, name_or_arn: str) -> str:
        return arn(self._account, "model-package-group", name_or_arn.rpartition("/")[2])

    def _package_arn(self, name_or_arn: str) -> str:
        return name_or_arn if name_or_arn.startswith("arn:") else arn(self._account, "model-package", name_or_arn)

    def _new_package(self, params: dict[str, Any], version: int) -> dict[str, Any]:
        group_name = params["ModelPackageGroupName"].rpartition("/")[2]
        now = self._account.clock.now()
        return {key: params[key] for key in _KEPT_MEMBERS if key in params} | {
            "ModelPackageGroupName": group_name,
            "ModelPackageVersion": version,
            "ModelPackageArn": arn(self._account, "model-package", f"{group_name}/{version}"),
            "CreationTime": now,
            "LastModifiedTime": now,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "ModelApprovalStatus": params.get("ModelApprovalStatus", "PendingManualApproval"),
        }

    def _put_event(self, package: dict[str, Any], updated: list[str] | None = None) -> None:
        """Say that a package was made, or what of it was changed.

        Source: SageMaker developer guide, "Events that SageMaker AI sends to EventBridge": the times are text here.
        """
        detail = {key: package[key] for key in _EVENT_MEMBERS if key in package} | {"CertifyForMarketplace": False}
        detail |= {key: f"{package[key]:%Y-%m-%dT%H:%M:%SZ}" for key in ("CreationTime", "LastModifiedTime")}
        if updated:
            detail["UpdatedModelPackageFields"] = updated
        self._account.put_event("aws.sagemaker", _EVENT, detail, [package["ModelPackageArn"]])


_GROUP_MEMBERS = ("ModelPackageGroupName", "ModelPackageGroupDescription")
_SUMMARY_MEMBERS = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "ModelPackageStatus",
    "ModelApprovalStatus",
)
_CHANGEABLE_MEMBERS = ("ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties")
_EVENT_MEMBERS = (
    *_SUMMARY_MEMBERS,
    *_CHANGEABLE_MEMBERS,
    "InferenceSpecification",
    "ModelPackageStatusDetails",
    "MetadataProperties",
    "ModelMetrics",
)
