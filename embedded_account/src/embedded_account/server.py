"""The process of the embedded account.

    python -m embedded_account.server --folder .embedded-account

It is started by `embedded-account start`, listens on 127.0.0.1 only and writes `account.json` once it answers.
"""

import argparse
import ctypes
import fcntl
import gc
import json
import logging
import os
import signal
import socket
import sys
import threading
import warnings
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from embedded_account import folders, sdk_settings
from embedded_account.account_error import AccountError
from embedded_account.control import ACCOUNT_FILE, HEALTH_PATH, LOCK_FILE, LOG_FILE, lost_by_kill
from embedded_account.faults.fault import FaultError, parse_delays

logger = logging.getLogger("embedded_account")

_LOG_SECONDS = 60.0
_M_ARENA_MAX = -8  # of malloc.h
# Little of what requests make is garbage in circles: looking each 700 objects, as Python does, took 5 % of the account.
_GC_THRESHOLDS = (20_000, 20, 20)

# In order: later ones may build on earlier ones.
_SERVICES = (
    "embedded_account.moto_core",
    "embedded_account.wiring.malformed",
    "embedded_account.quotas",
    "embedded_account.logs",
    "embedded_account.dynamodb",
    "embedded_account.cloudwatch",
    "embedded_account.events",
    "embedded_account.s3",
    "embedded_account.sqs",
    "embedded_account.lambda_",
    "embedded_account.kms",
    "embedded_account.budgets",
    "embedded_account.pricing",
    "embedded_account.sns",
    "embedded_account.stepfunctions",
    "embedded_account.scheduler",
    "embedded_account.sagemaker",
    "embedded_account.autoscaling",
    "embedded_account.cloudformation",
    "embedded_account.iam",
    "embedded_account.faults",
    "embedded_account.clock_control",
    "embedded_account.iam.report_control",
    "embedded_account.iam.role_control",
    "embedded_account.aws_addresses",
    "embedded_account.s3.posts",
    "embedded_account.wiring.messages",
    "embedded_account.wiring.content_types",
    "embedded_account.wiring.request_ids",
    "embedded_account.durability",
)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    _share_heaps()
    gc.disable()  # while modules load, nothing is garbage: looking for it takes a third of the time to start
    arguments = _parse_arguments()
    folder = arguments.folder.resolve()
    _make_private(folder, arguments.state_folder)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(threadName)s %(message)s"
    )
    logging.getLogger("botocore").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module=r"moto\.core\.serialize")  # refusals by codes that no AWS model knows
    lock = (folder / LOCK_FILE).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"the embedded account of {folder} runs already; stop it with: embedded-account stop")
    lost = lost_by_kill(folder, keeps_state=arguments.state_folder is not None)
    folders.cut_log(folder / LOG_FILE)
    folders.clear_work(folder)
    listener = _listener(arguments)
    port = listener.getsockname()[1]
    os.environ["MOTO_PORT"] = str(port)
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"  # a bucket's own CORS rules apply; the rest is for programs
    _serve(folder, listener, arguments, lost)


def _make_private(*paths: Path | None) -> None:
    try:
        for path in paths:
            if path is not None:
                folders.make_private(path)
    except AccountError as error:
        sys.exit(str(error))


def _share_heaps() -> None:
    """Let all threads share two heaps: glibc makes one a thread, which keeps what its connection held at most.

    The lock that is in the way costs nothing here, since one thread runs at a time.
    """
    with suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def _listener(arguments: argparse.Namespace) -> socket.socket:
    """Return a socket on the port that was asked for; by default on the one that the kept state knows, if it is free.

    Functions, rules and queues hold the account's address.
    """
    address = ("127.0.0.1", arguments.port)
    if arguments.state_folder is None:
        return socket.create_server(address, backlog=256)
    known = arguments.state_folder / "port"
    listener = None
    if not arguments.port and known.exists():
        with suppress(OSError, ValueError):
            listener = socket.create_server(("127.0.0.1", int(known.read_text())), backlog=256)
    listener = listener or socket.create_server(address, backlog=256)
    known.write_text(str(listener.getsockname()[1]))
    return listener


def _serve(folder: Path, listener: socket.socket, arguments: argparse.Namespace, lost: list[str]) -> None:
    from embedded_account.account import Account
    from embedded_account.aws_addresses import AwsAddresses
    from embedded_account.clock import Clock
    from embedded_account.http import make_server

    port = listener.getsockname()[1]
    clock = Clock(arguments.clock_speed)
    url = f"http://127.0.0.1:{port}"
    account = Account(folder, url, arguments.region, clock, arguments.account, arguments.delays)
    account.state_folder = arguments.state_folder
    account.records_permissions = arguments.record_permissions
    application = build_application(account)
    server = make_server(listener, application, clock.time)
    server.connect = account.singleton(AwsAddresses).connect
    signal.signal(signal.SIGINT, lambda *_: threading.Thread(target=server.shutdown).start())
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    gc.enable()
    _write_account_file(account, port, lost)
    logger.info("embedded account ready at %s", account.url)
    account.every("log", _LOG_SECONDS, lambda: folders.cut_log(folder / LOG_FILE))
    for each in account.after_restore:
        account.start_thread("restore", each)
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        account.stop()
        (folder / ACCOUNT_FILE).unlink(missing_ok=True)
        folders.clear_work(folder)
        logger.info("embedded account stopped")
        logging.shutdown()
        os._exit(0)  # nothing is left to do; the interpreter would take seconds to take itself apart


def build_application(account: Any) -> Any:
    """Return the WSGI application of `account`: moto's dispatcher with every service of ours installed."""
    from embedded_account.edge import guard
    from embedded_account.shortage_answers import told

    for name in _SERVICES:
        import_module(name).install(account)
    application: Any = _dispatcher()
    for middleware in account.middleware:
        application = middleware(application)
    return guard(account, _health(account, told(account, application)))


def _dispatcher() -> Any:
    """Return moto's dispatcher; it remembers which service a host name stands for, instead of reading moto's folder."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

    class Dispatcher(DomainDispatcherApplication):
        def __init__(self) -> None:
            super().__init__(_raising_app)
            self._services: dict[str | None, Any] = {}

        def get_backend_for_host(self, host: str | None) -> Any:
            if host not in self._services:
                self._services[host] = super().get_backend_for_host(host)
            return self._services[host]

    return Dispatcher()


def _raising_app(service: Any) -> Any:
    """Return moto's application of `service`, whose errors are not turned into pages of HTML on the way."""
    from moto.moto_server.werkzeug_app import create_backend_app

    application = create_backend_app(service)
    application.config["PROPAGATE_EXCEPTIONS"] = True
    return application


def _health(account: Any, application: Any) -> Any:
    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        if environ.get("PATH_INFO") != HEALTH_PATH:
            return application(environ, start_response)
        body = json.dumps({"Pid": os.getpid(), "Region": account.region}).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return answer


def _write_account_file(account: Any, port: int, lost: list[str]) -> None:
    info = {
        "url": account.url,
        "port": port,
        "pid": os.getpid(),
        "region": account.region,
        "account_id": account.account_id,
        "started_at": account.clock.now().isoformat(),
        "access_key_id": account.sessions.root.access_key_id,
        "secret_access_key": account.sessions.root.secret_access_key,
        "lost": lost,
        "state_folder": str(account.state_folder or ""),
        "sdk_settings": str(sdk_settings.write(account.folder, account.region, account.account_id)),
    }
    path = account.folder / ACCOUNT_FILE
    scratch = path.with_suffix(".tmp")
    scratch.touch(mode=0o600)
    scratch.write_text(json.dumps(info, indent=2))
    scratch.replace(path)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m embedded_account.server", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=Path(".embedded-account"), help="where the account keeps its files"
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 picks a free one")
    parser.add_argument("--region", default="us-east-1", help="the region it pretends to be")
    parser.add_argument("--clock-speed", type=float, default=1.0, help="how many times faster time passes, for tests")
    parser.add_argument("--state-folder", type=Path, help="where its state survives its end; by default it does not")
    parser.add_argument("--account", choices=("settled", "new"), default="settled", help="whose limits it has")
    parser.add_argument("--delays", default="", help="which of AWS's delays it has: all, or some with their seconds")
    parser.add_argument("--record-permissions", action="store_true", help="write what each role used to a file")
    parsed = parser.parse_args()
    parsed.state_folder = parsed.state_folder.resolve() if parsed.state_folder else None
    try:
        parse_delays(parsed.delays)
    except FaultError as error:
        parser.error(str(error))
    return parsed


if __name__ == "__main__":
    main()
