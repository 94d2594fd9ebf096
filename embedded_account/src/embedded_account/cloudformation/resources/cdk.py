"""AWS::CDK::Metadata."""

from typing import ClassVar

from embedded_account.cloudformation.resources.kinds import text
from embedded_account.cloudformation.resources.resource import Call, Properties, ResourceType


class Metadata(ResourceType):
    """What the CDK notes in each template about itself; there is nothing to it but the note."""

    name = "AWS::CDK::Metadata"
    properties: ClassVar = {"Analytics": text, "Modules": text}

    def create(self, call: Call, properties: Properties) -> None:
        call.created(call.new_name())

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        """Change nothing."""

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        """Delete nothing."""
