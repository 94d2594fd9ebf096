"""Fixtures of a test suite that runs against the embedded account: `account`, `aws`, `faults`, `clock`.

    def test_upload(aws):
        aws("s3").create_bucket(Bucket="pictures")

A suite that makes many boto3 sessions is faster with `usefixtures = ["aws_data_read_once"]` in pytest's settings.
With `embedded_account_only = true` in pytest's settings no test can reach a real AWS account: sockets of anything but
127.0.0.1 are refused (of the loopback too, unless the test uses an account or is marked `account`), and no AWS settings
of the machine are seen. A test marked `aws` is left alone.
"""

from __future__ import annotations

import json
import os
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from embedded_account import AccountInfo, Faults, advance_clock, client_environment, start, stop

if TYPE_CHECKING:
    from psutil import Process

_REGION = "us-east-1"
_SERVICES = ("lambda", "states", "sagemaker", "scheduler", "events", "cloudformation")
_EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
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
        from botocore.config import Config

        once = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=5, read_timeout=120)
        if options:
            return _new_client(self.info, service, {"config": once} | options)
        key = (self.info.url, self.info.access_key_id, service)
        if key not in _clients:
            _clients[key] = _new_client(self.info, service, {"config": once})
        return _clients[key]

    def environment(self) -> dict[str, str]:
        """Return the environment of a command that is to use this account and nothing else of AWS."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | client_environment(self.info)

    def role(self, name: str, *statements: Mapping[str, Any], services: Sequence[str] = _SERVICES) -> str:
        """Return the ARN of a new role that `services` may assume, allowed `statements` or, without any, everything."""
        principal = {"Service": [f"{service}.amazonaws.com" for service in services]}
        return self._new_role(name, principal, statements or (_EVERYTHING,))

    def session(self, *statements: Mapping[str, Any]) -> dict[str, str]:
        """Return the credentials of a session of a new role that is allowed `statements` and nothing else."""
        role_arn = self._new_role(f"session-{uuid.uuid4().hex[:8]}", {"AWS": self.info.account_id}, statements)
        assumed = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="session")
        return dict(assumed["Credentials"])

    def _new_role(self, name: str, principal: Mapping[str, Any], statements: Sequence[Mapping[str, Any]]) -> str:
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy([trust]))["Role"]
        iam.put_role_policy(RoleName=name, PolicyName="test", PolicyDocument=_policy(statements))
        return str(role["Arn"])


def _policy(statements: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class AccountClock:
    """The clock of a running account."""

    def __init__(self, info: AccountInfo) -> None:
        self._info = info

    def advance(self, seconds: float) -> str:
        """Put the clock forward; return what time the account has then, as ISO 8601."""
        return advance_clock(self._info, seconds)


_clients: dict[tuple[str, str, str], Any] = {}


def _new_client(info: AccountInfo, service: str, options: dict[str, Any]) -> Any:
    import boto3

    session = boto3.session.Session(info.access_key_id, info.secret_access_key, region_name=info.region)
    return session.client(service, endpoint_url=info.url, **options)  # type: ignore[call-overload]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's setting."""
    parser.addini(
        "embedded_account_only", "refuse every socket but of the embedded account", type="bool", default=False
    )


def pytest_configure(config: pytest.Config) -> None:
    """Name the plugin's markers."""
    config.addinivalue_line("markers", "account: uses the embedded account, and so opens sockets on 127.0.0.1")
    config.addinivalue_line("markers", "aws: needs a real AWS account; its network is left alone")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark every test that uses a running account, so that it may open sockets on 127.0.0.1."""
    if _ACCOUNT_FIXTURES & set(getattr(item, "fixturenames", ())):
        item.add_marker("account")


@pytest.fixture(autouse=True)
def _network_guard(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse network sockets, but for loopback ones of a test that is marked `account`."""
    if not request.config.getini("embedded_account_only") or request.node.get_closest_marker("aws"):
        return
    loopback_allowed = request.node.get_closest_marker("account") is not None
    for name in ("bind", "connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name), loopback_allowed))
    monkeypatch.setattr(socket, "getaddrinfo", _guarded_lookup(socket.getaddrinfo))


@pytest.fixture(autouse=True)
def _aws_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Give each test an AWS environment of a region and nothing else; no credentials of the machine are found."""
    if not request.config.getini("embedded_account_only") or request.node.get_closest_marker("aws"):
        return
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    nowhere = tmp_path_factory.getbasetemp() / "no-such-aws-file"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", _REGION)


@pytest.fixture(scope="session")
def account_options() -> Mapping[str, Any]:
    """Give the options with which accounts are started, those of `embedded_account.start`; override it to set some."""
    return {}


@pytest.fixture(scope="session")
def account_roles() -> Sequence[str]:
    """Give the names of the roles that each account begins with, allowed everything; override it to have some."""
    return ()


@pytest.fixture(scope="session")
def prepare_account() -> Callable[[RunningAccount], None]:
    """Give what is done with each account once it runs; override it to make what all tests need, such as buckets."""
    return lambda running: None


@pytest.fixture(scope="session")
def account_at_speed(
    tmp_path_factory: pytest.TempPathFactory,
    account_options: Mapping[str, Any],
    account_roles: Sequence[str],
    prepare_account: Callable[[RunningAccount], None],
) -> Iterator[Callable[[float], RunningAccount]]:
    """Give a running account whose clock runs so many times as fast; one a speed for the whole session."""
    running: dict[float, RunningAccount] = {}

    def at_speed(speed: float) -> RunningAccount:
        if speed not in running:
            folder = tmp_path_factory.mktemp("account") / ".embedded-account"
            options = {"region": _REGION, "clock_speed": speed, **account_options}
            running[speed] = RunningAccount(start(folder, **options), folder)
            for name in account_roles:
                running[speed].role(name)
            prepare_account(running[speed])
        return running[speed]

    yield at_speed

    left_behind = [process for each in running.values() for process in _stop(each)]
    if left_behind:
        pytest.fail(f"processes outlived their account: {left_behind}")


@pytest.fixture(scope="session")
def account(account_at_speed: Callable[[float], RunningAccount]) -> RunningAccount:
    """Give the running account that the session's tests share; it is stopped, and checked for leftovers, at the end."""
    return account_at_speed(1.0)


@pytest.fixture(scope="session")
def aws(account: RunningAccount) -> Callable[[str], Any]:
    """Give boto3 clients of the shared account: aws("lambda")."""
    return account.client


@pytest.fixture(scope="session")
def aws_data_read_once() -> Iterator[None]:
    """Read each of botocore's data files once: every session of boto3 would parse them anew, for 0.15 s of a core."""
    from botocore.loaders import JSONFileLoader

    from embedded_account.data_files import with_own_operations

    read, contents = JSONFileLoader.load_file, dict[str, Any]()

    def load_file(self: Any, file_path: str) -> Any:
        if file_path not in contents:
            contents[file_path] = read(self, file_path)
        return with_own_operations(contents[file_path])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", load_file)
        yield


@pytest.fixture
def faults(account: RunningAccount) -> Iterator[Faults]:
    """Break the shared account on purpose: faults.add("throttle", service="s3"); what is left is cleared at the end."""
    remote = Faults(account.info)
    yield remote
    remote.clear()


@pytest.fixture
def clock(account: RunningAccount) -> AccountClock:
    """Give the shared account's clock: clock.advance(3600)."""
    return AccountClock(account.info)


def _stop(account: RunningAccount) -> list[str]:
    """Stop `account`; return the command lines of the processes it left behind."""
    import psutil

    children = psutil.Process(account.info.pid).children(recursive=True) if psutil.pid_exists(account.info.pid) else []
    stop(account.folder)
    return [_command_line(process) for process in {*children, *_clients_of(account)} if _is_alive(process)]


def _is_alive(process: Process) -> bool:
    """Return whether `process` still does anything; one that only waits to be reaped does not."""
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _clients_of(account: RunningAccount) -> list[Process]:
    """Return the processes that were started to use the account, whoever their parent is now."""
    import psutil

    clients = []
    for process in psutil.process_iter():
        try:
            uses_account = process.environ().get("AWS_ENDPOINT_URL") == account.info.url
        except psutil.Error:
            continue
        if uses_account and process.pid != os.getpid():
            clients.append(process)
    return clients


def _command_line(process: Process) -> str:
    import psutil

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
