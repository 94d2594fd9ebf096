"""AWS::SageMaker::ModelPackageGroup."""

from typing import Any, ClassVar

from embedded_account.cloudformation.resources.kinds import tags, text
from embedded_account.cloudformation.resources.resource import Call, Properties, ResourceType, tag_changes, tag_list


class ModelPackageGroup(ResourceType):
    """A group of model packages; it is deleted only while it is empty."""

    name = "AWS::SageMaker::ModelPackageGroup"
    properties: ClassVar = {"ModelPackageGroupDescription": text, "ModelPackageGroupName": text, "Tags": tags}
    required = frozenset({"ModelPackageGroupName"})
    replaced_by = frozenset({"ModelPackageGroupDescription", "ModelPackageGroupName"})
    name_property = "ModelPackageGroupName"
    attribute_names = frozenset({"ModelPackageGroupArn"})

    def create(self, call: Call, properties: Properties) -> None:
        created = call.client("sagemaker").create_model_package_group(**properties)
        call.created(created["ModelPackageGroupArn"])

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        tags_to_set, keys_to_remove = tag_changes(properties, previous)
        if tags_to_set:
            call.client("sagemaker").add_tags(ResourceArn=physical_id, Tags=tag_list(tags_to_set))
        if keys_to_remove:
            call.client("sagemaker").delete_tags(ResourceArn=physical_id, TagKeys=keys_to_remove)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        name = physical_id.rpartition("/")[2]
        call.client("sagemaker").delete_model_package_group(ModelPackageGroupName=name)

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"ModelPackageGroupArn": physical_id}
