"""Child processes of the account."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from embedded_account.processes import ProcessTable, end_leftovers
from support.processes import wait_until_gone

_SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
_STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


def test_end_kills_a_child_that_ignores_sigterm(tmp_path):
    """After the grace a stubborn child is killed."""
    table = ProcessTable(tmp_path / "processes.jsonl")
    child = table.spawn(_STUBBORN, env=os.environ, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()

    code = table.end(child, grace_seconds=0.2)

    child.stdout.close()
    assert code == -signal.SIGKILL


def test_end_takes_what_the_child_started_with_it(tmp_path):
    """The whole process group ends, a grandchild included."""
    table = ProcessTable(tmp_path / "processes.jsonl")
    script = f"import subprocess, time; print(subprocess.Popen({_SLEEPER!r}).pid, flush=True); time.sleep(60)"
    child = table.spawn([sys.executable, "-c", script], env=os.environ, stdout=subprocess.PIPE)
    assert child.stdout is not None
    grandchild = int(child.stdout.readline())

    table.end(child)

    child.stdout.close()
    wait_until_gone(grandchild)


def test_end_all_leaves_no_child(tmp_path):
    """Stopping the account ends every child it has."""
    table = ProcessTable(tmp_path / "processes.jsonl")
    children = [table.spawn(_SLEEPER, env=os.environ) for _ in range(3)]

    table.end_all()

    assert all(child.poll() is not None for child in children)


def test_leftovers_of_a_killed_account_are_ended(tmp_path):
    """What the file names and still runs is ended by the next start."""
    path = tmp_path / "processes.jsonl"
    child = ProcessTable(path).spawn(_SLEEPER, env=os.environ)

    assert end_leftovers(path) == 1
    child.wait(5)
    assert not path.exists()


def test_what_an_exited_child_left_behind_is_ended_too(tmp_path):
    """The leader is gone and its child runs on; the next start ends the group."""
    path = tmp_path / "processes.jsonl"
    script = f"import subprocess; print(subprocess.Popen({_SLEEPER!r}).pid, flush=True)"
    leader = ProcessTable(path).spawn([sys.executable, "-c", script], env=os.environ, stdout=subprocess.PIPE)
    assert leader.stdout is not None
    grandchild = int(leader.stdout.readline())
    leader.stdout.close()
    leader.wait(5)

    assert end_leftovers(path) == 1
    wait_until_gone(grandchild)


def test_a_pid_that_now_belongs_to_another_process_is_left_alone(tmp_path):
    """The recorded start time tells a reused pid from the old child."""
    path = Path(tmp_path / "processes.jsonl")
    child = subprocess.Popen(_SLEEPER, start_new_session=True)
    path.write_text(json.dumps({"Pid": child.pid, "Started": 1.0}) + "\n")

    num_ended = end_leftovers(path)

    still_running = child.poll() is None
    child.kill()
    child.wait()
    assert num_ended == 0
    assert still_running


def test_table_that_has_ended_starts_no_process(tmp_path: Path) -> None:
    """A thread that is late cannot leave a process behind."""
    table = ProcessTable(tmp_path / "processes.jsonl")
    table.end_all()

    with pytest.raises(RuntimeError, match="not started any more"):
        table.spawn(["/bin/true"], env={})


def test_a_child_that_cannot_be_recorded_is_ended_too():
    """On a full disk a child runs, and ends with the account."""
    table = ProcessTable(Path("/dev/full"))
    child = table.spawn(_SLEEPER, env=os.environ)

    table.end(child)

    assert child.poll() is not None
