"""Starting, finding, killing and stopping the account's process."""

import os
import signal
import socket

import pytest
from support.processes import wait_until_gone

from embedded_account import AccountError, control

pytestmark = pytest.mark.account


@pytest.mark.slow
def test_one_account_a_folder_and_the_next_start_tells_of_a_kill(tmp_path):
    """A second start finds the first; after SIGKILL the next start works and says what was lost; stop ends it."""
    first = control.start(tmp_path)
    try:
        assert control.start(tmp_path) == first
        assert first.lost == []
        with (tmp_path / "journal.jsonl").open("a") as journal:
            journal.write('{"Began": true, "Kind": "training job", "Name": "digits-1"}\n')
        os.kill(first.pid, signal.SIGKILL)
        wait_until_gone(first.pid)
        assert control.status(tmp_path) is None

        second = control.start(tmp_path)

        assert second.pid != first.pid
        assert second.lost[0].startswith("the embedded account had ended without a stop")
        assert "lost: training job 'digits-1'" in second.lost
    finally:
        stopped = control.stop(tmp_path)
    assert stopped
    assert control.status(tmp_path) is None
    assert not control.stop(tmp_path)


def test_a_port_in_use_fails_with_the_end_of_the_log(tmp_path):
    """The error of a start that failed shows why."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(AccountError, match="Address already in use"):
            control.start(tmp_path, port=port)


def test_status_of_a_folder_without_an_account_is_none(tmp_path):
    """No account file, no account."""
    assert control.status(tmp_path) is None
