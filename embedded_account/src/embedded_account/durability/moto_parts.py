"""What moto's services keep: the members of their backends, a part for each service."""

import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any

from embedded_account.account import Account
from embedded_account.durability.keeper import Part
from embedded_account.lambda_.packages import Packages
from embedded_account.s3.disk import Disk, DiskBuffer
from embedded_account.stepfunctions import past

logger = logging.getLogger("embedded_account.durability")

# boto3's name -> (moto's package, the name of its backends, its region there)
_SERVICES = {
    "dynamodb": ("dynamodb", "dynamodb_backends", ""),
    "iam": ("iam", "iam_backends", "aws"),
    "sns": ("sns", "sns_backends", ""),
    "sqs": ("sqs", "sqs_backends", ""),
    "ssm": ("ssm", "ssm_backends", ""),
    "events": ("events", "events_backends", ""),
    "scheduler": ("scheduler", "scheduler_backends", ""),
    "logs": ("logs", "logs_backends", ""),
    "lambda": ("awslambda", "lambda_backends", ""),
    "stepfunctions": ("stepfunctions.parser", "stepfunctions_parser_backends", ""),
}


def parts(account: Account, disk: Disk) -> list[Part]:
    """Return the parts of moto's services; S3 first, since functions look for their code there."""
    return [_s3_part(account, disk)] + [
        Part(name, _reader(account, name), _writer(account, name)) for name in _SERVICES
    ]


def _backend(account: Account, name: str) -> Any:
    package, backends, region = _SERVICES[name]
    module = import_module(f"moto.{package}.models")
    return getattr(module, backends)[account.account_id][region or account.region]


def _reader(account: Account, name: str) -> Callable[[], dict[str, Any]]:
    def read() -> dict[str, Any]:
        state = dict(vars(_backend(account, name)))
        if name == "stepfunctions":
            state["state_machines"] = [past.kept(machine) for machine in list(state["state_machines"])]
        return state

    return read


def _writer(account: Account, name: str) -> Callable[[dict[str, Any]], None]:
    def write(state: dict[str, Any]) -> None:
        backend = _backend(account, name)
        vars(backend).update(state)
        if name == "stepfunctions":
            for machine in backend.state_machines:
                past.revive(machine, backend, account.clock.now())
        if name == "lambda":
            packages = account.singleton(Packages)
            for function in backend.list_functions("ALL"):
                function.unpack(packages)  # another checkout, or a cleaned folder, has not got the code on disk

    return write


def _s3_part(account: Account, disk: Disk) -> Part:
    from moto.s3.models import s3_backends

    def read() -> dict[str, Any]:
        return dict(vars(s3_backends[account.account_id]["aws"]))

    def write(state: dict[str, Any]) -> None:
        backend = s3_backends[account.account_id]["aws"]
        vars(backend).update(state)
        for bucket in backend.buckets.values():
            for key in list(dict.keys(bucket.keys)):
                _drop_lost(bucket, key, disk)

    return Part("s3", read, write)


def _drop_lost(bucket: Any, key: str, disk: Disk) -> None:
    """Forget the versions of an object whose content is gone, and hand the other contents to `disk`."""
    kept = []
    for version in bucket.keys.getlist(key):
        buffer = getattr(version, "_value_buffer", None)
        if isinstance(buffer, DiskBuffer) and not buffer.exists():
            logger.error("s3://%s/%s is lost: its content is not in the state folder", bucket.name, key)
            continue
        kept.append(version)
    if kept:
        bucket.keys.setlist(key, kept)
    else:
        dict.pop(bucket.keys, key, None)
