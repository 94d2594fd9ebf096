"""ops/runs/approvals.py: a person's word goes to the model package of a run that waits, or has served; else why not."""

from typing import Any

import pytest

from handlers.ledger import Run, Serving
from ops.errors import ExecutionError
from ops.runs import approvals, executions

PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/retriever/1"
WAITS = Run("pets-1", status="RUNNING", dataset="pets", waits_since="2026-11-30T03:04:05", model_package_arn=PACKAGE)
SERVED = Run("pets-0", status="SUCCEEDED", dataset="pets", model_package_arn=PACKAGE)


class _Account:
    """The calls that a word makes, and the session and stack that they are made for."""

    flags = " --local"

    def __init__(self) -> None:
        self.requests: list[dict[str, str]] = []
        self.sagemaker = self

    def client(self, service: str) -> Any:
        assert service == "sts"
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": "arn:aws:iam::1:user/ann"}

    def update_model_package(self, **request: str) -> None:
        self.requests.append(request)

    def output(self, name: str) -> str:
        assert name == "EndpointName"
        return "retriever"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give an account in which one run waits, one has served and serves, and one has failed."""
    runs = {run.execution_name: run for run in (WAITS, SERVED, Run("pets-2", status="FAILED", dataset="pets"))}
    runs["pets-3"] = Run("pets-3", status="RUNNING", waits_since="x", approval="approved by bob: fine")
    monkeypatch.setattr(Run, "get", lambda ledger, name: runs.get(name))
    monkeypatch.setattr(Run, "all", lambda ledger: runs.values())
    monkeypatch.setattr(Serving, "get", lambda ledger, name: Serving(name, "pets-0"))
    monkeypatch.setattr(executions, "ledger", lambda *_: None)
    return _Account()


def test_a_run_that_waits_is_approved_by_name(account: Any) -> None:
    """Who said it and why is kept with the version, in one line."""
    told = approvals.approve(account, account, "pets-1", "looked\nat it")

    assert "goes on" in told
    assert account.requests == [
        {
            "ModelPackageArn": PACKAGE,
            "ModelApprovalStatus": "Approved",
            "ApprovalDescription": "by arn:aws:iam::1:user/ann: looked at it",
        }
    ]


def test_a_run_that_waits_is_rejected(account: Any) -> None:
    """What serves is left as it is."""
    assert "serves on" in approvals.reject(account, account, "pets-1", "blurry")
    assert account.requests[0]["ModelApprovalStatus"] == "Rejected"


def test_a_model_that_serves_is_rejected_with_the_way_out(account: Any) -> None:
    """The word keeps it from coming back; it does not take it out of service."""
    assert "`deploy.py rollback --local`" in approvals.reject(account, account, "pets-0", "blurry")


def test_a_model_that_has_served_is_approved_again(account: Any) -> None:
    """A rollback may take it then."""
    assert "`deploy.py rollback pets-0 --local`" in approvals.approve(account, account, "pets-0", "")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("pets-2", "ended FAILED, so its model waits no more; train again with `deploy.py start pets --force --local`"),
        ("pets-3", "does not wait for approval: it was approved by bob: fine"),
        ("pets-9", "there is no record of it; these wait for approval: pets-1"),
    ],
)
def test_where_there_is_nothing_to_approve_it_says_so(account: Any, name: str, why: str) -> None:
    """And the status of no package is changed."""
    with pytest.raises(ExecutionError, match=why):
        approvals.approve(account, account, name, "")
    assert account.requests == []
