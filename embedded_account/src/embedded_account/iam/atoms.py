"""Which parts of a policy do anything: each action is taken away in turn, and requests are decided again."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from embedded_account.iam.documents import Policy
from embedded_account.iam.evaluation import Policies, Request, evaluate


@dataclass(frozen=True)
class Atom:
    """One action of one Allow statement."""

    sid: str
    action: str


def atoms(document: Mapping[str, Any]) -> Iterator[Atom]:
    """Yield every action of every Allow statement of `document`."""
    for statement in document["Statement"]:
        if statement["Effect"] == "Allow":
            yield from (Atom(statement["Sid"], action) for action in _listed(statement["Action"]))


def without(document: Mapping[str, Any], atom: Atom) -> dict[str, Any]:
    """Return `document` without `atom`; a statement that has no action left goes as a whole."""
    left: dict[str, Any] = copy.deepcopy(dict(document))
    for statement in left["Statement"]:
        if statement["Sid"] == atom.sid:
            statement["Action"] = [action for action in _listed(statement["Action"]) if action != atom.action]
    left["Statement"] = [statement for statement in left["Statement"] if statement["Action"]]
    return left


def denied(document: Mapping[str, Any], requests: Iterable[Request]) -> list[Request]:
    """Return the requests that an identity with `document` as its one policy is not allowed."""
    policies = Policies((Policy.parse(document),))
    return [request for request in requests if not evaluate(request, policies).is_allowed]


def idle_atoms(document: Mapping[str, Any], requests: Iterable[Request]) -> list[Atom]:
    """Return the atoms of `document` without which all of `requests` would still be allowed."""
    asked = list(requests)
    return [atom for atom in atoms(document) if not denied(without(document, atom), asked)]


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
