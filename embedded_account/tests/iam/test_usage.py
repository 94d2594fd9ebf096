"""Which statements decide recorded requests, and how those are recorded."""

from typing import Any

import pytest
from embedded_account.account import Account
from embedded_account.clock import Clock
from embedded_account.iam.actions.rules import Need
from embedded_account.iam.context import Context
from embedded_account.iam.evaluation import Request
from embedded_account.iam.permissions import Permissions
from embedded_account.iam.recording import FILE, recorded
from embedded_account.iam.usage import Place, actions, decided_by, identity_alone, statements, without
from embedded_account.identity import Principal
from support.roles import new_role_in

ROLE = Principal("arn:aws:iam::123456789012:role/r", "s")
DOCUMENT: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"},
        {"Sid": "Again", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"},
        {"Sid": "Never", "Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"},
    ],
}
READ = Request(ROLE, "s3:GetObject", "arn:aws:s3:::b/k", Context({}))
LIST = Request(ROLE, "s3:ListBucket", "arn:aws:s3:::b", Context({}))


def test_every_statement_has_a_place():
    """Documents and statements are counted from zero; a single statement need not be in a list."""
    single = {"Statement": DOCUMENT["Statement"][0]}

    places = [(place, statement["Sid"]) for place, statement in statements([DOCUMENT, single])]

    assert places == [(Place(0, 0), "Read"), (Place(0, 1), "Again"), (Place(0, 2), "Never"), (Place(1, 0), "Read")]
    assert actions(DOCUMENT["Statement"][1]) == ["s3:GetObject"]
    assert actions({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}) == []


def test_an_action_is_taken_out_of_its_statement_alone():
    """The others stay; a statement that has no action left goes; the documents themselves do not change."""
    (left,) = without([DOCUMENT], Place(0, 0, "s3:GetObject"))
    (gone,) = without([DOCUMENT], Place(0, 1, "s3:GetObject"))
    two = {"Statement": [{"Sid": "Two", "Effect": "Allow", "Action": "s3:GetObject", "Resource": ["a", "b"]}]}
    assert without([two], Place(0, 0, resource="a"))[0]["Statement"][0]["Resource"] == ["b"]
    assert without([two | {"Statement": [two["Statement"][0] | {"Resource": "a"}]}], Place(0, 0, resource="a")) == [
        {"Statement": []}
    ]

    assert [one["Action"] for one in left["Statement"]] == [["s3:ListBucket"], "s3:GetObject", "s3:DeleteObject"]
    assert [one["Sid"] for one in gone["Statement"]] == ["Read", "Never"]
    assert DOCUMENT["Statement"][0]["Action"] == ["s3:GetObject", "s3:ListBucket"]


def test_an_action_decides_what_is_refused_without_it():
    """What two statements allow, neither is needed for; what none asks for is not needed either."""

    def decided(place: Place, *requests: Request) -> list[str]:
        return [sentence for _, sentence in decided_by(place, [DOCUMENT], requests, identity_alone)]

    assert decided(Place(0, 0, "s3:GetObject"), READ, LIST) == []
    assert decided(Place(0, 1), READ, LIST) == []
    assert decided(Place(0, 0, "s3:ListBucket"), READ) == []
    assert decided(Place(0, 0, "s3:ListBucket"), READ, LIST) == [
        "User: arn:aws:sts::123456789012:assumed-role/r/s is not authorized to perform: s3:ListBucket on resource: "
        "arn:aws:s3:::b because no identity-based policy allows the s3:ListBucket action"
    ]


def test_a_denial_decides_what_is_allowed_without_it():
    """Taken out, it lets the request through; its sentence is the one of the refusal before."""
    anything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    delete = Request(ROLE, "s3:DeleteObject", "arn:aws:s3:::b/k", Context({}))

    ((request, sentence),) = decided_by(Place(0, 2), [DOCUMENT, anything], [delete, READ], identity_alone)

    assert request is delete
    assert sentence.endswith("with an explicit deny in an identity-based policy")


@pytest.fixture
def account(tmp_path) -> Account:
    account = Account(tmp_path, "http://127.0.0.1:9", "us-east-1", Clock())
    account.records_permissions = True
    return account


def test_what_was_decided_can_be_decided_again(account):
    """A record holds the caller, the action, the resource and the condition keys; the same is kept once."""
    principal = Principal(new_role_in(account), "s")
    permissions = Permissions(account)
    for _ in range(2):
        permissions.decide(principal, Need("s3:ListBucket", "arn:aws:s3:::b", {"s3:prefix": "runs/"}))
        permissions.decide(Principal("arn:aws:iam::123456789012:role/gone", "s"), Need("s3:GetObject", "*"))

    first, second = recorded(account.folder)

    assert (first.request.principal, first.request.action, first.was_allowed) == (principal, "s3:ListBucket", True)
    assert first.request.context.values("S3:Prefix") == ["runs/"]
    assert not second.was_allowed


def test_what_a_policy_asked_for_is_known_from_then_on():
    """A tag of a resource that is gone by then decides on the recorded request as it did before."""
    context = Context({"aws:SourceIp": "127.0.0.1"}, lambda key: "blue" if key == "aws:resourcetag/colour" else None)

    before = context.known()
    context.values("aws:ResourceTag/colour")

    assert "aws:resourcetag/colour" not in before
    assert context.known()["aws:resourcetag/colour"] == "blue"


def test_nothing_is_recorded_unasked(tmp_path):
    """Without the switch no file is written."""
    account = Account(tmp_path, "http://127.0.0.1:9", "us-east-1", Clock())

    Permissions(account).decide(ROLE, Need("s3:GetObject", "*"))

    assert not (tmp_path / FILE).exists()
