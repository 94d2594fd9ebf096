"""What an account that records permissions says of them: what each statement was needed for, and what was refused."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from embedded_account.account import Account
from embedded_account.iam.callers import Callers
from embedded_account.iam.documents import Policy
from embedded_account.iam.evaluation import Policies, Request
from embedded_account.iam.recording import recorded
from embedded_account.iam.resources import ResourcePolicies
from embedded_account.iam.usage import (
    Applying,
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
    With `only`, nothing is told but of the roles and resources of these ARNs, in a fraction of the time.
    """

    def __init__(self, account: Account, conditions: Mapping[str, str], only: Collection[str] = ()) -> None:
        self._only = only
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
        return [self._role(role, by_role[role.arn]) for role in self._callers.roles() if self._is_asked(role.arn)]

    def resources(self) -> list[Report]:
        """Return a report for each resource with a policy of its own that a recorded request speaks of."""
        by_resource: dict[str, list[Request]] = defaultdict(list)
        for request in self._requests:
            if request.action == _ASSUME or not self._is_asked(arn := owner(request.resource)):
                continue
            if self._resources.document(request.resource):
                by_resource[arn].append(request)
        return [self._resource(arn, requests) for arn, requests in sorted(by_resource.items())]

    def _is_asked(self, arn: str) -> bool:
        return not self._only or arn in self._only

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

        def policies(documents: Sequence[Document]) -> Applying:
            (policy,) = map(Policy.parse, documents)
            return lambda one: Policies(self._callers.identity_policies(one.principal), resource=policy)

        now = {id(one): sentence for one, sentence in refused(requests, policies([document]))}
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
    before = refused(requests, policies(listed))

    def changed(place: Place) -> list[tuple[Request, str]]:
        return decided_by(place, listed, requests, policies, before)

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
