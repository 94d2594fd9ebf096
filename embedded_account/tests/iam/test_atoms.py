"""Tests of local/iam/atoms.py and local/iam/recording.py."""

import pytest
from embedded_account.account import Account
from embedded_account.clock import Clock
from embedded_account.iam.actions.rules import Need
from embedded_account.iam.atoms import Atom, atoms, denied, idle_atoms
from embedded_account.iam.context import Context
from embedded_account.iam.evaluation import Request
from embedded_account.iam.permissions import Permissions
from embedded_account.iam.recording import FILE, recorded
from embedded_account.identity import Principal
from support.roles import new_role_in

ROLE = Principal("arn:aws:iam::123456789012:role/r", "s")
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"},
        {"Sid": "Again", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"},
        {"Sid": "Never", "Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"},
    ],
}
READ = Request(ROLE, "s3:GetObject", "arn:aws:s3:::b/k", Context({}))
LIST = Request(ROLE, "s3:ListBucket", "arn:aws:s3:::b", Context({}))


def test_every_action_of_every_allowing_statement_is_an_atom():
    """A denial gives nothing, so nothing can be missed when it goes."""
    assert list(atoms(DOCUMENT)) == [
        Atom("Read", "s3:GetObject"),
        Atom("Read", "s3:ListBucket"),
        Atom("Again", "s3:GetObject"),
    ]


def test_an_atom_is_idle_when_every_request_is_allowed_without_it():
    """What two statements allow, neither is needed for; what none asks for is not needed either."""
    assert idle_atoms(DOCUMENT, [READ, LIST]) == [Atom("Read", "s3:GetObject"), Atom("Again", "s3:GetObject")]
    assert Atom("Read", "s3:ListBucket") in idle_atoms(DOCUMENT, [READ])
    assert denied(DOCUMENT, [READ, LIST]) == []


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


def test_nothing_is_recorded_unasked(tmp_path):
    """Without the switch no file is written."""
    account = Account(tmp_path, "http://127.0.0.1:9", "us-east-1", Clock())

    Permissions(account).decide(ROLE, Need("s3:GetObject", "*"))

    assert not (tmp_path / FILE).exists()
