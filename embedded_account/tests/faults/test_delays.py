"""AWS's own delays: what is late, for how long, and how that is switched on."""

from pathlib import Path

import pytest
from embedded_account.account import Account
from embedded_account.faults.delays import Delays
from embedded_account.faults.fault import DELAY_KINDS, DELAY_SECONDS, Fault, FaultError, parse_delays

from embedded_account import AccountError, start


@pytest.fixture
def delays(bare_account: Account) -> Delays:
    """Give the delays of an account that has none on."""
    return Delays(bare_account)


def test_nothing_is_late_by_default(delays: Delays) -> None:
    """An account has no delays unless they are asked for."""
    delays.begin("delay-roles", "role")

    assert not delays.remaining("delay-roles", "role")
    assert not delays.misses("delay-roles", "role")


def test_what_becomes_is_late_on_the_accounts_clock(delays: Delays, bare_account: Account) -> None:
    """A delay ends after its seconds, which pass as the account's clock is put forward."""
    delays.add(Fault.parse({"kind": "delay-roles", "seconds": 100}))
    delays.begin("delay-roles", "role")
    bare_account.clock.advance(90)

    assert 0 < delays.remaining("delay-roles", "role") <= 10
    bare_account.clock.advance(11)
    assert not delays.remaining("delay-roles", "role")


def test_every_other_look_misses_what_is_late(delays: Delays) -> None:
    """Reads that are eventually consistent may meet the old state after the new one, so one success proves nothing."""
    delays.add(Fault.parse({"kind": "delay-resources", "seconds": 100}))
    delays.begin("delay-resources", "arn")

    assert [delays.misses("delay-resources", "arn") for _ in range(4)] == [True, False, True, False]


def test_a_pattern_says_what_is_late(delays: Delays) -> None:
    """A delay may be that of one name alone."""
    delays.add(Fault.parse({"kind": "delay-bucket-names", "name": "pictures-*"}))
    delays.begin("delay-bucket-names", "pictures-1")
    delays.begin("delay-bucket-names", "others")

    assert delays.remaining("delay-bucket-names", "pictures-1")
    assert not delays.remaining("delay-bucket-names", "others")


def test_a_cleared_delay_leaves_nothing_late(delays: Delays) -> None:
    """What a delay held back is there at once when the delay is switched off."""
    delay = Fault.parse({"kind": "delay-roles"})
    delay.id = "fault-1"
    delays.add(delay)
    delays.begin("delay-roles", "role")

    assert delays.clear("fault-1") == [delay]
    assert not delays.remaining("delay-roles", "role")


def test_delays_are_named_with_or_without_seconds() -> None:
    """`--delays all` is every delay with AWS's usual seconds; a list names some, with others."""
    assert {each.kind: each.seconds for each in parse_delays("all")} == DELAY_SECONDS
    assert set(DELAY_SECONDS) == set(DELAY_KINDS)
    named = parse_delays("roles, instances=60")
    assert [(each.kind, each.seconds) for each in named] == [("delay-roles", 10.0), ("delay-instances", 60.0)]
    assert parse_delays("") == []


@pytest.mark.parametrize("text", ["role", "roles=soon", "roles=-1", "all,roles"])
def test_an_unknown_delay_is_refused_in_words(text: str) -> None:
    """The error says what is known."""
    with pytest.raises(FaultError, match=r"^delay .*(roles|number|above 0)|^delay: "):
        parse_delays(text)


def test_an_account_with_an_unknown_delay_is_not_started(tmp_path: Path) -> None:
    """The error ends with what the account says to it."""
    with pytest.raises(AccountError, match="delay: 'rolls'; name 'all' or some of"):
        start(tmp_path / "account", delays="rolls")


def test_a_delay_is_not_counted(delays: Delays) -> None:
    """A member that a delay does not heed is refused rather than left out."""
    with pytest.raises(FaultError, match="it takes name and seconds, not count"):
        Fault.parse({"kind": "delay-roles", "count": 3})
