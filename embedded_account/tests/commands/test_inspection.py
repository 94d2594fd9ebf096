"""permissions and services, as a person types them."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner
from embedded_account.commands import commands
from embedded_account.pytest_plugin import RunningAccount
from support.callers import Caller, allowed

TLS_ONLY: dict[str, Any] = {"Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
TLS_ONLY |= {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}


@pytest.fixture
def report(account: RunningAccount) -> Callable[..., dict[str, Any]]:
    """Give what `permissions --json` reports of the shared account."""

    def run(*arguments: str) -> dict[str, Any]:
        told = CliRunner().invoke(commands, ["permissions", "--json", "--folder", str(account.folder), *arguments])
        assert told.exit_code == 0, told.stderr
        return dict(json.loads(told.stdout))

    return run


@pytest.fixture
def bucket(account: RunningAccount) -> str:
    """Give a bucket that refuses plain HTTP."""
    s3, name = account.client("s3"), "only-over-tls"
    if name not in [one["Name"] for one in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=name)
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Statement": [TLS_ONLY]}))
    return name


def _role(report: dict[str, Any], caller: Caller) -> dict[str, Any]:
    return next(one for one in report["roles"] if one["role"] == caller.role_arn)


def test_a_needed_action_is_told_from_an_idle_one(account: RunningAccount, bucket: str, report: Any) -> None:
    """What some request would have been refused without is needed, and the sentence of that refusal is there."""
    caller = Caller(account, allowed(["s3:PutObject", "s3:GetObject"], f"arn:aws:s3:::{bucket}/*", Sid="Objects"))
    caller.client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")

    (statement,) = _role(report(), caller)["statements"]

    needed = {one["action"]: one["needed"] for one in statement["actions"]}
    assert (statement["policy"], statement["sid"], statement["effect"]) == ("test", "Objects", "Allow")
    assert needed == {"s3:PutObject": True, "s3:GetObject": False}
    assert statement["decides"][0]["refusal"] == (
        f"User: {caller.arn} is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::{bucket}/k "
        "because no identity-based policy allows the s3:PutObject action"
    )


def test_what_was_refused_is_listed(account: RunningAccount, bucket: str, report: Any) -> None:
    """A denied request of a role stands with the role."""
    caller = Caller(account, allowed("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    with pytest.raises(ClientError, match="s3:DeleteObject"):
        caller.client("s3").delete_object(Bucket=bucket, Key="k")

    (refused,) = _role(report(), caller)["refused"]

    assert (refused["action"], refused["resource"]) == ("s3:DeleteObject", f"arn:aws:s3:::{bucket}/k")


def test_requests_are_decided_as_if(account: RunningAccount, bucket: str, report: Any) -> None:
    """With another value of a condition key, a resource's denial decides what it let pass before."""
    caller = Caller(account, allowed("s3:PutObject", f"arn:aws:s3:::{bucket}/*"))
    caller.client("s3").put_object(Bucket=bucket, Key="plain", Body=b"x")
    key = f"arn:aws:s3:::{bucket}/plain"

    def decided(told: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        policy = next(one for one in told["resources"] if one["resource"] == f"arn:aws:s3:::{bucket}")
        (statement,) = policy["statements"]
        refusals = [one["refusal"] for one in policy["requests"] if one["resource"] == key]
        return refusals, [one["refusal"] for one in statement["decides"] if one["resource"] == key]

    assert decided(report()) == ([""], [])
    refusals, decides = decided(report("--with", "aws:SecureTransport=false"))
    assert refusals == decides
    assert refusals[0].endswith("with an explicit deny in a resource-based policy")


def test_one_role_or_resource_is_reported_alone(account: RunningAccount, bucket: str, report: Any) -> None:
    """What is said of it is what the whole report says; nothing is said of others."""
    caller = Caller(account, allowed("s3:PutObject", f"arn:aws:s3:::{bucket}/*"))
    caller.client("s3").put_object(Bucket=bucket, Key="alone", Body=b"x")
    arn, whole = f"arn:aws:s3:::{bucket}", report()

    of_role, of_bucket = report("--of", caller.role_arn), report("--of", arn)

    assert of_role == {"roles": [_role(whole, caller)], "resources": []}
    assert of_bucket == {"roles": [], "resources": [one for one in whole["resources"] if one["resource"] == arn]}


def test_the_report_is_read_by_a_person_too(account: RunningAccount, bucket: str) -> None:
    """Without --json: a line for each action, and the sentence beside what is needed."""
    caller = Caller(account, allowed(["s3:PutObject", "s3:GetObject"], "*", Sid="Objects"))
    caller.client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")

    told = CliRunner().invoke(commands, ["permissions", "--folder", str(account.folder)]).stdout

    part = told[told.index(caller.role_arn) :].splitlines()
    assert part[1:3] == ["  needed   Allow Objects s3:PutObject", "  unneeded Allow Objects s3:GetObject"]
    assert "without it: User: " in part[3]


def test_a_condition_must_have_a_value(account: RunningAccount) -> None:
    """Misuse is told apart from failure."""
    told = CliRunner().invoke(commands, ["permissions", "--with", "aws:SecureTransport"])

    assert told.exit_code == 2
    assert "it must be KEY=VALUE" in told.stderr


def test_services_tell_what_is_real() -> None:
    """A paragraph for each service; an unknown one is refused by name."""
    every, unknown = (CliRunner().invoke(commands, ["services", *more]) for more in ([], ["nonsense"]))

    assert "sagemaker\n  Training jobs run AWS's own training toolkit" in every.stdout
    assert unknown.exit_code == 1
    assert unknown.stderr.startswith("Error: service 'nonsense': it is not carried out; known are ")


@pytest.mark.slow
def test_operations_tell_what_is_not_carried_out() -> None:
    """Every operation of AWS's model of a service stands there, and how it is carried out."""
    command = [sys.executable, "-m", "embedded_account", "services", "events"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    told = dict(line.split("\t") for line in done.stdout.splitlines())
    assert told["CreateArchive"] == "not carried out"
    assert told["PutRule"] != "not carried out"
    assert len(told) > 50
