"""Which statements of policies do anything: each is taken out in turn, and recorded requests are decided again."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embedded_account.iam.actions.rules import Need
from embedded_account.iam.documents import Policy
from embedded_account.iam.evaluation import Policies, Request, evaluate
from embedded_account.iam.permissions import refusal

Document = Mapping[str, Any]
Applying = Callable[[Request], Policies]  # what applies to a request
PoliciesOf = Callable[[Sequence[Document]], Applying]  # the same, given these documents, which are parsed once


@dataclass(frozen=True)
class Place:
    """One statement of one of several documents, by position; of it one action or one resource, or "" for all."""

    document: int
    statement: int
    action: str = ""
    resource: str = ""


def statements(documents: Sequence[Document]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield every statement with its place."""
    for number, document in enumerate(documents):
        for position, statement in enumerate(listed(document["Statement"])):
            yield Place(number, position), statement


def actions(statement: Mapping[str, Any]) -> list[str]:
    """Return what the statement speaks of; of one with NotAction nothing, since no part of it can be taken out."""
    return listed(statement.get("Action", []))


def resources(statement: Mapping[str, Any]) -> list[str]:
    """Return what the statement is for; of one with NotResource nothing, since no part of it can be taken out."""
    return listed(statement.get("Resource", []))


def without(documents: Sequence[Document], place: Place) -> list[Document]:
    """Return `documents` without what is at `place`; a statement with no action or resource left goes as a whole."""
    changed = copy.deepcopy(dict(documents[place.document]))
    inside = listed(changed["Statement"])
    statement = inside[place.statement]
    if place.resource:
        member, kept = "Resource", [resource for resource in resources(statement) if resource != place.resource]
    else:
        member, kept = "Action", [action for action in actions(statement) if place.action and action != place.action]
    if kept:
        statement[member] = kept
    else:
        inside = [one for one in inside if one is not statement]
    changed["Statement"] = inside
    return [*documents[: place.document], changed, *documents[place.document + 1 :]]


def refused(requests: Iterable[Request], policies: Applying) -> list[tuple[Request, str]]:
    """Return the requests that are refused, each with AWS's sentence."""
    decided = [(request, evaluate(request, policies(request))) for request in requests]
    return [
        (request, refusal(request.principal, Need(request.action, request.resource), decision))
        for request, decision in decided
        if not decision.is_allowed
    ]


def decided_by(
    place: Place,
    documents: Sequence[Document],
    requests: Sequence[Request],
    policies: PoliciesOf,
    before: Sequence[tuple[Request, str]] | None = None,
) -> list[tuple[Request, str]]:
    """Return the requests whose outcome changes when what is at `place` is taken out, with the sentence of refusal.

    `before` are those that are refused as it is, where somebody knows.
    """
    before = refused(requests, policies(documents)) if before is None else before
    after = refused(requests, policies(without(documents, place)))
    kept = {id(request) for request, _ in before} & {id(request) for request, _ in after}
    return [(request, sentence) for request, sentence in (*before, *after) if id(request) not in kept]


def identity_alone(documents: Sequence[Document]) -> Applying:
    """Let `documents` be all that an identity has."""
    policies = Policies(tuple(Policy.parse(document) for document in documents))
    return lambda _request: policies


def listed(value: Any) -> list[Any]:
    """Return `value` as the list that it may stand for."""
    return value if isinstance(value, list) else [value]
