"""Who a key stands for."""

from embedded_account.clock import Clock
from embedded_account.identity import Principal, Sessions


def test_a_session_stands_for_its_role():
    """The key of an assumed role leads back to the role and the session's name."""
    sessions = Sessions(Clock())

    credentials = sessions.assume("arn:aws:iam::123456789012:role/predict", "predict-1")

    assert sessions.principal(credentials.access_key_id) == Principal(
        "arn:aws:iam::123456789012:role/predict", "predict-1"
    )


def test_an_expired_session_stands_for_nobody():
    """Credentials end with their duration."""
    clock = Clock(speed=1000)
    sessions = Sessions(clock)
    credentials = sessions.assume("arn:aws:iam::123456789012:role/predict", "predict-1", duration_seconds=1)

    clock.sleep(2)

    assert sessions.principal(credentials.access_key_id) is None


def test_a_key_never_issued_stands_for_nobody():
    """An unknown key has no principal."""
    assert Sessions(Clock()).principal("AKIAUNKNOWNUNKNOWNUN") is None
