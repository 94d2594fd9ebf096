"""What AWS says of things that are not there, where moto uses words of its own: scripts compare them."""

from typing import Any

from moto.events.exceptions import ResourceNotFoundException
from moto.events.models import EventsBackend
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend
from moto.sns.exceptions import SNSNotFoundError
from moto.sns.models import SNSBackend

from embedded_account.account import Account
from embedded_account.wiring.replacement import replace


def install(_account: Account) -> None:
    """Replace the messages of roles, groups, rules and topics."""

    def get_role(self: Any, role_name: str) -> Any:
        if all(role.name != role_name for role in self.get_roles()):
            raise NotFoundException(f"The role with name {role_name} cannot be found.")
        return role_of(self, role_name)

    def get_group(self: Any, group_name: str) -> Any:
        if group_name not in self.groups:
            raise NotFoundException(f"The group with name {group_name} cannot be found.")
        return group_of(self, group_name)

    def describe_rule(self: Any, name: str, event_bus_arn: str | None) -> Any:
        bus = self._normalize_event_bus_arn(event_bus_arn)
        if name not in self._get_event_bus(bus).rules:
            raise ResourceNotFoundException(f"Rule {name} does not exist on EventBus {bus}.")
        return rule_of(self, name, event_bus_arn)

    def get_endpoint(self: Any, arn: str) -> Any:
        if ":endpoint/" not in arn:
            raise SNSNotFoundError("Topic does not exist")
        return endpoint_of(self, arn)

    role_of = replace(IAMBackend, "get_role", get_role, parameters=("self", "role_name"))
    group_of = replace(IAMBackend, "get_group", get_group, parameters=("self", "group_name"))
    rule_of = replace(EventsBackend, "describe_rule", describe_rule, parameters=("self", "name", "event_bus_arn"))
    endpoint_of = replace(SNSBackend, "get_endpoint", get_endpoint, parameters=("self", "arn"))
