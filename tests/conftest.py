"""What every test gets: no network, no AWS settings of the machine, and on request a running embedded account."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from xdist.scheduler import LoadScopeScheduling

from local import control
from local.control import AccountInfo
from local.faults.remote import RemoteFaults
from tests.local.roles import new_role

REGION = "us-east-1"
_CLIENT_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=5, read_timeout=120)
# What tests hand to functions, machines, schedules and jobs when their subject is not who may do what: every service
# may assume them, and they may do everything.
TEST_ROLES = (
    "tester",
    "serving",
    "pipeline",
    "scheduler",
    "retriever-sagemaker",
    "retriever-pipeline",
)
SWITCH = "RETRIEVER_RECORD_PERMISSIONS"
_ACCOUNT_FIXTURES = frozenset({"account", "account_at_speed", "aws"})


class NetworkBlockedError(RuntimeError):
    """A test reached for the network; not an OSError, so that no code under test takes it for a failed connection."""


@dataclass(frozen=True)
class RunningAccount:
    """An embedded account in a process of its own."""

    info: AccountInfo
    folder: Path

    def client(self, service: str, **options: Any) -> Any:
        """Return a boto3 client of the account's root, with one try a call; `options` are those of boto3.client.

        One without options is made once, since that takes longer than most calls.
        """
        if options:
            return _new_client(self.info, service, {"config": _CLIENT_CONFIG} | options)
        return _kept_client(self.info, service)

    def environment(self) -> dict[str, str]:
        """Return the environment of a command that is to use this account and nothing else of AWS."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | control.client_environment(self.info) | {"RETRIEVER_LOCAL_FOLDER": str(self.folder)}


def _new_client(info: AccountInfo, service: str, options: dict[str, Any]) -> Any:
    session = boto3.session.Session(info.access_key_id, info.secret_access_key, region_name=REGION)
    return session.client(service, endpoint_url=info.url, **options)  # type: ignore[call-overload]


_clients: dict[tuple[str, str, str], Any] = {}


def _kept_client(info: AccountInfo, service: str) -> Any:
    key = (info.url, info.access_key_id, service)
    if key not in _clients:
        _clients[key] = _new_client(info, service, {"config": _CLIENT_CONFIG})
    return _clients[key]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark every test that uses a running account, so that it may open sockets on 127.0.0.1."""
    if _ACCOUNT_FIXTURES & set(getattr(item, "fixturenames", ())):
        item.add_marker("account")


class ModuleScheduling(LoadScopeScheduling):
    """Keeps a module's tests on one worker, and those of tests/flow, which share a stack and go on from each other."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return "tests/flow" if module.startswith("tests/flow/") else module


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ModuleScheduling:
    """Give the tests to the workers of `pytest -n` by module."""
    return ModuleScheduling(config, log)


@pytest.fixture(autouse=True)
def _network_guard(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse network sockets, but for loopback ones of a test that is marked `account`."""
    if request.node.get_closest_marker("aws"):
        return
    loopback_allowed = request.node.get_closest_marker("account") is not None
    for name in ("bind", "connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name), loopback_allowed))
    monkeypatch.setattr(socket, "getaddrinfo", _guarded_lookup(socket.getaddrinfo))


@pytest.fixture(autouse=True)
def _aws_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any) -> None:
    """Give each test an AWS environment of a region and nothing else; no credentials of the machine are found."""
    if request.node.get_closest_marker("aws"):
        return
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    nowhere = tmp_path_factory.getbasetemp() / "no-such-aws-file"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)


@pytest.fixture(scope="session")
def account_at_speed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[float], RunningAccount]]:
    """Give a running account whose clock runs so many times as fast; one a speed for the whole session."""
    running: dict[float, RunningAccount] = {}

    def start(speed: float) -> RunningAccount:
        if speed not in running:
            folder = tmp_path_factory.mktemp("account") / ".local"
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(SWITCH, "1")  # what the roles use is looked at in tests/flow
                running[speed] = RunningAccount(control.start(folder, region=REGION, clock_speed=speed), folder)
            for name in TEST_ROLES:
                new_role(running[speed], name)
        return running[speed]

    yield start

    left_behind = [process for account in running.values() for process in _stop(account)]
    assert not left_behind, f"processes outlived their account: {left_behind}"


@pytest.fixture(scope="session")
def account(account_at_speed: Callable[[float], RunningAccount]) -> Iterator[RunningAccount]:
    """Give the running account that the session's tests share; it is stopped, and checked for leftovers, at the end."""
    running = account_at_speed(1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETRIEVER_LOCAL_FOLDER", str(running.folder))
        yield running


@pytest.fixture(scope="session")
def aws(account: RunningAccount) -> Callable[[str], Any]:
    """Give boto3 clients of the shared account: aws("lambda")."""
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = account.client(service)
        return clients[service]

    return client


@pytest.fixture
def faults(account: RunningAccount) -> Iterator[RemoteFaults]:
    """Break the shared account on purpose: faults.add("throttle", service="s3"); what is left is cleared at the end."""
    remote = RemoteFaults(account.info)
    yield remote
    remote.clear()


def _stop(account: RunningAccount) -> list[str]:
    """Stop `account`; return the command lines of the processes it left behind."""
    children = psutil.Process(account.info.pid).children(recursive=True) if psutil.pid_exists(account.info.pid) else []
    control.stop(account.folder)
    return [_command_line(process) for process in {*children, *_clients_of(account)} if is_alive(process)]


def wait_until_gone(pid: int, seconds: float = 10.0) -> None:
    """Return once the process `pid` does nothing any more; fail after `seconds`."""
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return
    deadline = time.monotonic() + seconds
    while is_alive(process):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.02)


def is_alive(process: psutil.Process) -> bool:
    """Return whether `process` still does anything; one that only waits to be reaped does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _clients_of(account: RunningAccount) -> list[psutil.Process]:
    """Return the processes that were started to use the account, whoever their parent is now."""
    found = []
    for process in psutil.process_iter():
        try:
            uses_account = process.environ().get("AWS_ENDPOINT_URL") == account.info.url
        except psutil.Error:
            continue
        if uses_account and process.pid != os.getpid():
            found.append(process)
    return found


def _command_line(process: psutil.Process) -> str:
    try:
        return f"{process.pid}: {' '.join(process.cmdline())}"
    except psutil.Error:
        return str(process.pid)


def _guarded(original: Callable[..., Any], loopback_allowed: bool) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not (loopback_allowed and _is_loopback(address[0])):
            raise NetworkBlockedError(
                f"{original.__name__} {address!r}: tests open no network socket;"
                " mark the test `account` if it needs loopback"
            )
        return original(self, address)

    return guarded


def _guarded_lookup(original: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(host: Any, *arguments: Any, **options: Any) -> Any:
        if host is not None and not _is_address(host) and host != "localhost":
            raise NetworkBlockedError(f"getaddrinfo {host!r}: tests look up no host name; use 127.0.0.1")
        return original(host, *arguments, **options)

    return guarded


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _is_address(host: str | bytes) -> bool:
    try:
        ip_address(host.decode() if isinstance(host, bytes) else host)
    except ValueError:
        return False
    return True
