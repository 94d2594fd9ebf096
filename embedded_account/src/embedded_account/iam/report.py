"""What an account that records permissions says of them: what each statement was needed for, and what was refused."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from embedded_account.account import Account
from embedded_account.iam.callers import Callers
from embedded_account.iam.documents import Policy
from embedded_account.iam.evaluation import Policies, Request
from embedded_account.iam.recording import recorded
from embedded_account.iam.resources import ResourcePolicies
from embedded_account.iam.usage import (
    Document,
    Place,
    PoliciesOf,
    actions,
    decided_by,
    identity_alone,
    refused,
    resources,
    statements,
)

_ASSUME = "sts:AssumeRole"
Report = dict[str, Any]


class Reporter:
    """Decides the recorded requests again by the policies that hold now.

    With `conditions`, condition keys have these values instead of their own: as the rule "aws:SourceArn" would ask.
    """

    def __init__(self, account: Account, conditions: Mapping[str, str]) -> None:
        self._callers = Callers(account)
        self._resources = ResourcePolicies(account)
        decided = [(_changed(one.request, conditions), one.was_allowed) for one in recorded(account.folder)]
        self._requests = [request for request, _ in decided]
        self._allowed = [request for request, was_allowed in decided if was_allowed]
        self._refused = [request for request, was_allowed in decided if not was_allowed]

    def roles(self) -> list[Report]:
        """Return a report for each role of the account, by its own policies alone."""
        by_role: dict[str, list[Request]] = defaultdict(list)
        for request in self._requests:
            by_role[request.principal.role_arn].append(request)
        return [self._role(role, by_role[role.arn]) for role in self._callers.roles()]

    def resources(self) -> list[Report]:
        """Return a report for each resource with a policy of its own that a recorded request speaks of."""
        by_resource: dict[str, list[Request]] = defaultdict(list)
        for request in self._requests:
            if request.action != _ASSUME and self._resources.document(request.resource):
                by_resource[owner(request.resource)].append(request)
        return [self._resource(arn, requests) for arn, requests in sorted(by_resource.items())]

    def _role(self, role: Any, requests: Sequence[Request]) -> Report:
        documents = self._callers.documents(role)
        assumed = {
            request.principal.service or request.principal.arn
            for request in self._allowed
            if request.action == _ASSUME and request.resource == role.arn
        }
        return {
            "role": role.arn,
            "assumed_by": sorted(assumed),
            "statements": _statements(documents, requests, identity_alone),
            "refused": [_asked(request) for request in self._refused if request.principal.role_arn == role.arn],
        }

    def _resource(self, arn: str, requests: Sequence[Request]) -> Report:
        document = self._resources.document(arn) or {}

        def policies(request: Request, left: Sequence[Document]) -> Policies:
            return Policies(self._callers.identity_policies(request.principal), resource=Policy.parse(left[0]))

        now = {id(one): sentence for one, sentence in refused(requests, lambda one: policies(one, [document]))}
        return {
            "resource": arn,
            "statements": _statements({"": document}, requests, policies),
            "requests": [_asked(one) | {"refusal": now.get(id(one), "")} for one in requests],
        }


def owner(arn: str) -> str:
    """Return the ARN of the resource that has the policy: an object's bucket, a version's function."""
    service = arn.split(":", 3)[2] if arn.startswith("arn:") else ""
    if service == "s3":
        return arn.partition("/")[0]
    return ":".join(arn.split(":")[:7]) if service == "lambda" else arn


def _statements(documents: Mapping[str, Document], requests: Sequence[Request], policies: PoliciesOf) -> list[Report]:
    names, listed = list(documents), list(documents.values())

    def changed(place: Place) -> list[tuple[Request, str]]:
        return decided_by(place, listed, requests, policies)

    return [
        {
            "policy": names[place.document],
            "sid": str(statement.get("Sid", "")),
            "effect": statement["Effect"],
            "actions": [
                {"action": action, "needed": bool(changed(replace(place, action=action)))}
                for action in actions(statement)
            ],
            "resources": [
                {"resource": resource, "needed": bool(changed(replace(place, resource=resource)))}
                for resource in resources(statement)
            ],
            "decides": [_asked(request) | {"refusal": sentence} for request, sentence in changed(place)],
        }
        for place, statement in statements(listed)
    ]


def _asked(request: Request) -> dict[str, str]:
    by = request.principal
    return {"action": request.action, "resource": request.resource, "by": by.arn, "source_arn": by.source_arn}


def _changed(request: Request, conditions: Mapping[str, str]) -> Request:
    if not conditions:
        return request
    source_arn = {key.lower(): value for key, value in conditions.items()}.get("aws:sourcearn")
    principal = replace(request.principal, source_arn=source_arn) if source_arn else request.principal
    return replace(request, principal=principal, context=request.context.with_values(conditions))
