"""How busy the account is."""

import threading
import time

from embedded_account.traffic import Traffic


def test_a_burst_of_requests_is_not_quiet_and_passes():
    """What waits for quiet goes on once the burst is over."""
    traffic = Traffic()
    application = traffic.counted(lambda environ, start_response: [b""])
    assert traffic.is_quiet()

    for _ in range(Traffic.QUIET_REQUESTS):
        application({}, lambda *_: None)

    assert not traffic.is_quiet()
    started = time.monotonic()
    traffic.wait_until_quiet(threading.Event())
    assert traffic.is_quiet()
    assert time.monotonic() - started < 5
