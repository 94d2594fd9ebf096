"""Reserved and provisioned concurrency against an account's limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.preflight.finding import Verdict
from ops.preflight.lambda_concurrency import Concurrency, judge


def values(reserved: int, provisioned: int = 0) -> dict[str, str]:
    return {"PredictReservedConcurrency": str(reserved), "PredictProvisionedConcurrency": str(provisioned)}


@pytest.mark.parametrize("limit", [10, 50, 100])
def test_a_small_account_can_reserve_nothing(limit: int) -> None:
    """What must stay unreserved is all that a new account has; 0 is proposed, which reserves nothing."""
    (finding,) = judge(values(20), Concurrency(limit, limit), "us-east-1")

    assert finding.verdict is Verdict.BLOCKS
    assert finding.remedies[0] == "--parameter PredictReservedConcurrency=0"


def test_nothing_reserved_fits_any_account() -> None:
    """The default works where the limit is 10."""
    (finding,) = judge(values(0), Concurrency(10, 10), "us-east-1")

    assert finding.verdict is Verdict.FITS


def test_own_reservation_is_not_counted_twice() -> None:
    """A stack that has reserved 20 already may keep them when nothing else is left."""
    (finding,) = judge(values(20), Concurrency(120, 100, own=20), "us-east-1")

    assert finding.verdict is Verdict.FITS


def test_provisioned_alone_must_fit_too() -> None:
    """Without a reservation the environments that are kept warm come out of what is unreserved."""
    reserved, provisioned = judge(values(0, 5), Concurrency(10, 10), "us-east-1")

    assert (reserved.verdict, provisioned.verdict) == (Verdict.FITS, Verdict.BLOCKS)


@given(st.integers(0, 2000), st.integers(10, 5000), st.integers(0, 1000), st.integers(0, 1000))
def test_what_is_proposed_fits(wanted: int, limit: int, taken: int, own: int) -> None:
    """For any account: the proposed number passes, and so does the wanted one under the proposed limit."""
    taken = min(taken, limit)
    own = min(own, taken)
    account = Concurrency(limit, limit - taken, own)
    (finding,) = judge(values(wanted), account, "us-east-1")
    if finding.verdict is Verdict.FITS:
        return

    proposed = int(finding.remedies[0].rpartition("=")[2])
    raised = int(finding.remedies[1].split("--desired-value ")[1].split()[0])

    assert judge(values(proposed), account, "us-east-1")[0].verdict is Verdict.FITS
    assert judge(values(wanted), Concurrency(raised, raised - taken, own), "us-east-1")[0].verdict is Verdict.FITS
