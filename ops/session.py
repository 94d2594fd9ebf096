"""Where a command acts: one stack, in the embedded account or on AWS; clients are made when first used."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from ops.errors import CredentialsError, StackError

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_stepfunctions import SFNClient

    from embedded_account import AccountInfo

REPOSITORY = Path(__file__).resolve().parents[1]
MAX_CONNECTIONS = 16
MAX_LOAD_CONNECTIONS = 256
# 40: names of functions and buckets carry it. Lower case, without a hyphen at an end or two in a row: an endpoint and a
# model package group have its name, and SageMaker's ARNs, which the policies name, are lower case.
_STACK_NAME = re.compile(r"[a-z](-?[a-z0-9]){0,39}")
_MAX_STACK_NAME = 40
_making_a_client = Lock()  # a boto3 session makes one client at a time


def local_folder() -> Path:
    """Return the folder in which the embedded account keeps its files."""
    return Path(os.environ.get("RETRIEVER_LOCAL_FOLDER") or REPOSITORY / ".local").resolve()


def state_folder() -> Path | None:
    """Return the folder in which the embedded account's state survives its end; None when it is to be in memory."""
    given = os.environ.get("RETRIEVER_LOCAL_STATE_FOLDER")
    return Path(given).resolve() if given else None


def configured_region() -> str:
    """Return the region that a person has set, by AWS_REGION, AWS_DEFAULT_REGION or a profile; "" for none."""
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        return os.environ.get("AWS_REGION") or boto3.session.Session().region_name or ""
    except BotoCoreError:  # a profile that is none
        return ""


@dataclass(frozen=True)
class Session:
    """One stack in one account and region; `account` is None on AWS."""

    stack_name: str
    region: str
    account_id: str
    account: AccountInfo | None = None

    @property
    def is_local(self) -> bool:
        """Tell whether this is the embedded account."""
        return self.account is not None

    @property
    def url(self) -> str:
        """Return the embedded account's address, or "" on AWS."""
        return self.account.url if self.account else ""

    @property
    def poll_seconds(self) -> float:
        """Return how long to wait between two looks at something that changes."""
        return 0.2 if self.is_local else 3.0

    @property
    def billing_region(self) -> str:
        """Return where the one price list and the one Cost Explorer of the region's partition answer."""
        return "cn-northwest-1" if self.region.startswith("cn-") else "us-east-1"

    @property
    def flags(self) -> str:
        """Return the options with which another command reaches the same stack."""
        name = "" if self.stack_name == "retriever" else f" --stack-name {self.stack_name}"
        return f"{name}{' --local' if self.is_local else ''}"

    @cached_property
    def s3(self) -> S3Client:
        client = cast("S3Client", self._client("s3"))
        if self.is_local:
            client.meta.events.register("before-sign.s3", _without_expect)
        return client

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        return cast("CloudFormationClient", self._client("cloudformation"))

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return cast("DynamoDBClient", self._client("dynamodb"))

    @cached_property
    def stepfunctions(self) -> SFNClient:
        return cast("SFNClient", self._client("stepfunctions"))

    @cached_property
    def sagemaker(self) -> SageMakerClient:
        return cast("SageMakerClient", self._client("sagemaker"))

    @cached_property
    def autoscaling(self) -> ApplicationAutoScalingClient:
        return cast("ApplicationAutoScalingClient", self._client("application-autoscaling"))

    @cached_property
    def functions(self) -> LambdaClient:
        return cast("LambdaClient", self._client("lambda"))

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        return cast("CloudWatchLogsClient", self._client("logs"))

    def make_clients(self, *names: str) -> None:
        """Make clients before they are used: each takes up to 0.1 s of a core."""
        for name in names:
            getattr(self, name)

    def load_client(self, service: str) -> Any:
        """Return a client for many threads at once that tries every call once, so that no refusal is hidden."""
        from botocore.config import Config

        options = _options(self.account)
        once = Config(retries={"mode": "standard", "total_max_attempts": 1}, max_pool_connections=MAX_LOAD_CONNECTIONS)
        options["config"] = options["config"].merge(once)
        return _boto3_session(self.account, self.region).client(service, **options)

    def quick_client(self, service: str, region: str) -> Any:
        """Return a client of a service that lives in `region`, for what a command can do without: it waits seconds."""
        from botocore.config import Config

        options = _options(self.account)
        quick = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})
        options["config"] = options["config"].merge(quick)
        return _boto3_session(self.account, region).client(service, **options)

    def client(self, service: str) -> Any:
        """Return a client of a service that few commands use, the same each time."""
        if service not in self._rare_clients:
            self._rare_clients[service] = self._client(service)
        return self._rare_clients[service]

    @cached_property
    def _rare_clients(self) -> dict[str, Any]:
        return {}

    @cached_property
    def boto3(self) -> Any:
        """Return the one boto3 session of all clients: each more would read AWS's data files anew."""
        return _boto3_session(self.account, self.region)

    def _client(self, service: str) -> Any:
        with _making_a_client:
            return self.boto3.client(service, **_options(self.account))


def answered_at(answer: Any) -> datetime:
    """Return when AWS gave an answer, by AWS's own clock: a duration takes no second clock, which may be off."""
    date = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date", "")
    try:
        return parsedate_to_datetime(date)
    except ValueError:
        return datetime.now(UTC)


def open_session(stack_name: str, account: AccountInfo | None) -> Session:
    """Return the session for `stack_name`; on AWS it asks STS who is calling, which also proves the credentials.

    Raises:
        CredentialsError: there are no credentials or no region.
        StackError: the stack name cannot name the resources made for it.
    """
    if not _STACK_NAME.fullmatch(stack_name) or len(stack_name) > _MAX_STACK_NAME:
        raise StackError(
            f"stack name {stack_name!r}: at most 40 lower-case letters, digits and single hyphens between them, a"
            f" letter first; SageMaker's ARNs are lower case, so take another, such as {_proposal(stack_name)!r}"
        )
    if account is not None:
        return Session(stack_name, account.region, account.account_id, account)
    session = _boto3_session(None, None)
    if not session.region_name:
        raise CredentialsError("no AWS region: none is configured; set AWS_REGION, or add --local")
    if session.get_credentials() is None:
        raise CredentialsError(
            "no AWS credentials: none were found; run `aws configure` or set AWS_PROFILE,"
            " or add --local to use the embedded account"
        )
    caller = session.client("sts", **_options(None)).get_caller_identity()
    return Session(stack_name, session.region_name, caller["Account"])


def _proposal(stack_name: str) -> str:
    """Return a name like `stack_name` that is allowed."""
    words = re.findall(r"[a-z0-9]+", stack_name.lower())
    proposal = "-".join(words).lstrip("0123456789-")[:_MAX_STACK_NAME].rstrip("-")
    return proposal or "retriever"


def _without_expect(request: Any, **_: Any) -> None:
    """Send the body at once: within one machine, waiting for "100 Continue" costs a fifth of an upload's time."""
    if "Expect" in request.headers:
        del request.headers["Expect"]


def _boto3_session(account: AccountInfo | None, region: str | None) -> Any:
    import boto3

    if account is None:
        return boto3.Session(region_name=region or os.environ.get("AWS_REGION"))
    return boto3.Session(
        aws_access_key_id=account.access_key_id,
        aws_secret_access_key=account.secret_access_key,
        region_name=region or account.region,
    )


def _options(account: AccountInfo | None) -> dict[str, Any]:
    from botocore.config import Config

    config = Config(
        connect_timeout=5,
        read_timeout=70,
        retries={"mode": "standard", "total_max_attempts": 5},
        max_pool_connections=MAX_CONNECTIONS,
    )
    if account is None:
        return {"config": config}
    # A proxy of the machine must not stand between this process and 127.0.0.1; a checksum of what crosses the loopback
    # costs a third of the time of a small upload.
    local = config.merge(Config(proxies={}, request_checksum_calculation="when_required"))
    return {"config": local, "endpoint_url": account.url}
