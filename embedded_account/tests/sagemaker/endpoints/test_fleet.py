"""A fleet of real containers without an endpoint around it."""

import dataclasses
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_account.account import Account
from embedded_account.archives.tars import extract
from embedded_account.sagemaker.endpoints.fleet import Fleet, NoInstanceError
from embedded_account.sagemaker.endpoints.instance import (
    InstanceDiedError,
    InstanceFailedError,
    InstanceGoneError,
    Launch,
)
from support.hosted import ROLE_ARN, archive
from support.waiting import eventually

pytestmark = pytest.mark.account


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    """Give what the containers of a tiny model are started with; one request at work and one queued."""
    packed = tmp_path / "model.tar.gz"
    packed.write_bytes(archive("tiny"))
    extract(packed, tmp_path / "base" / "model")
    sizes = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1", "TS_JOB_QUEUE_SIZE": "1"}
    environment = {"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code", **sizes}
    return Launch("e", "v", tmp_path / "base", environment, ROLE_ARN, 30.0)


@pytest.fixture
def fleet(bare_account: Account, launch: Launch, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Give a fleet without instances; it is closed at the end."""
    monkeypatch.setattr(Account, "write_log", lambda *_: None)  # there is no CloudWatch Logs in a bare account
    fleet = Fleet(bare_account, launch)
    yield fleet
    fleet.close(0)


def test_requests_go_to_the_instance_with_the_fewest_outstanding(fleet: Fleet) -> None:
    """Two instances with room for two requests each take four, evenly; a fifth is too many until one is done."""
    fleet.resize(2)

    taken = [fleet.acquire() for _ in range(4)]

    assert sorted(instance.outstanding for instance in fleet.instances) == [2, 2]
    with pytest.raises(NoInstanceError, match="saturated") as caught:
        fleet.acquire()
    assert caught.value.saturated
    fleet.release(taken[0])
    assert fleet.acquire() is taken[0]


def test_empty_fleet_has_no_instance(fleet: Fleet) -> None:
    """Nothing running is not the same as everything busy."""
    with pytest.raises(NoInstanceError, match="no instance runs") as caught:
        fleet.acquire()

    assert not caught.value.saturated


def test_scaling_in_lets_a_request_under_way_end(bare_account: Account, fleet: Fleet) -> None:
    """The instance that is taken away answers what it has, and only then ends."""
    fleet.resize(1)
    instance = fleet.acquire()
    closing = bare_account.start_thread("closing", lambda: fleet.resize(0))
    eventually(lambda: instance.draining)

    status, _, content = instance.invoke(b"sleep 0.3", {"Content-Type": "image/jpeg"}, 10)
    fleet.release(instance)
    closing.join(10)

    assert (status, json.loads(content)["model"]) == (200, "tiny")
    assert not instance.alive
    assert fleet.current_count == 0


def test_slow_answer_times_out_and_the_instance_lives_on(fleet: Fleet) -> None:
    """A request over its time limit does not cost the instance."""
    fleet.resize(1)
    (instance,) = fleet.instances

    with pytest.raises(TimeoutError, match=r"."):
        instance.invoke(b"sleep 0.5", {"Content-Type": "image/jpeg"}, 0.1)

    assert instance.invoke(b"x", {"Content-Type": "image/jpeg"}, 10)[0] == 200


def test_dead_instance_is_told_from_a_dying_one(fleet: Fleet) -> None:
    """A request that broke the process is lost; one that never reached it may go elsewhere."""
    fleet.resize(1)
    (instance,) = fleet.instances

    with pytest.raises(InstanceDiedError, match=instance.id):
        instance.invoke(b"exit now", {"Content-Type": "image/jpeg"}, 10)
    eventually(lambda: not instance.alive)

    with pytest.raises(InstanceGoneError, match=instance.id):
        instance.invoke(b"x", {"Content-Type": "image/jpeg"}, 10)


def test_check_replaces_what_died_and_nothing_more(fleet: Fleet) -> None:
    """After a death the fleet is brought back to the count it should have."""
    fleet.resize(2)
    before = fleet.instances
    os.kill(before[0].pid, signal.SIGKILL)
    eventually(lambda: not before[0].alive)

    def checked() -> bool:
        fleet.check()
        return fleet.current_count == 2 and before[0] not in fleet.instances

    eventually(checked)
    fleet.check()

    assert before[1] in fleet.instances
    assert fleet.current_count == fleet.desired_count == 2


@pytest.mark.usefixtures("fleet")
def test_instance_that_does_not_start_leaves_the_fleet_as_it_was(bare_account: Account, launch: Launch) -> None:
    """No process of a failed start is left behind."""
    broken = Launch("e", "v", launch.base_folder, {**launch.environment, "BROKEN": "1"}, ROLE_ARN, 30.0)
    fleet = Fleet(bare_account, broken)

    with pytest.raises(InstanceFailedError, match="'v'"):
        fleet.resize(2)

    assert (fleet.current_count, fleet.desired_count) == (0, 0)


def test_image_of_another_architecture_does_not_start(
    bare_account: Account, launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Graviton instances run no x86-64 image; the log says what their kernel says.

    Source: Amazon EC2 user guide, "Instance type naming conventions"; execve(2), ENOEXEC.
    """
    logged: list[str] = []
    monkeypatch.setattr(Account, "write_log", lambda _self, _group, _stream, lines: logged.extend(lines))
    fleet = Fleet(bare_account, dataclasses.replace(launch, instance_type="ml.c7g.large"))

    with pytest.raises(InstanceFailedError, match=r"ml\.c7g\.large"):
        fleet.resize(1)

    assert logged == ["exec /usr/local/bin/dockerd-entrypoint.py: exec format error"]
    for other in ("ml.g5.xlarge", "ml.g4dn.xlarge", "ml.m5.large"):
        assert dataclasses.replace(launch, instance_type=other).runs_image
