"""What a request to the embedded account costs more because it is authenticated and decided on.

    python bench/bench_permissions.py

Times are of one thread, in microseconds a request: of a function's role with a policy of a dozen statements, on a
request of DynamoDB and one of S3, signed by botocore. Nothing is sent.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from embedded_account.account import Account
from embedded_account.clock import Clock
from embedded_account.iam.actions.rules import Need
from embedded_account.iam.authentication import authenticate
from embedded_account.iam.permissions import Permissions
from embedded_account.identity import Principal
from moto.iam.models import iam_backends

_ROUNDS = 7


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000, help="requests a round")
    num = parser.parse_args().requests
    with tempfile.TemporaryDirectory() as folder:
        account = Account(Path(folder), "http://127.0.0.1:9", "us-east-1", Clock())
        role_arn = _role(account)
        permissions, principal = Permissions(account), Principal(role_arn, "bench")
        keys = account.sessions.assume(role_arn, "bench")
        body = b'{"TableName": "t", "Key": {"Id": {"S": "x"}}}'
        table = _signed(keys, SigV4Auth, "dynamodb", "POST", "/", body)
        stored = _signed(keys, S3SigV4Auth, "s3", "PUT", "/bucket/runs/1/summary.json", body)
        item = Need("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:123456789012:table/t")
        summary = Need("s3:PutObject", "arn:aws:s3:::bucket/runs/1/summary.json")
        rows: dict[str, Callable[[], Any]] = {
            "verify the signature (DynamoDB)": lambda: authenticate(account, table, body),
            "verify the signature (S3)": lambda: authenticate(account, stored, None),
            "decide (DynamoDB)": lambda: permissions.decide(principal, item),
            "decide (S3)": lambda: permissions.decide(principal, summary),
        }
        times: dict[str, list[float]] = {name: [] for name in rows}
        for _ in range(_ROUNDS):
            for name, run in rows.items():  # interleaved, so that a busy machine slows all alike
                times[name].append(_seconds(run, num) / num * 1e6)
    print("| step | median us | range |\n|---|---|---|")
    for name, seconds in times.items():
        print(f"| {name} | {statistics.median(seconds):.0f} | {min(seconds):.0f}-{max(seconds):.0f} |")


def _seconds(run: Callable[[], Any], num: int) -> float:
    started = time.perf_counter()
    for _ in range(num):
        run()
    return time.perf_counter() - started


def _role(account: Account) -> str:
    """Make a role whose policy is as long as the template's longest."""
    others = [{"Effect": "Allow", "Action": f"sagemaker:Describe{n}", "Resource": "*"} for n in range(10)]
    items = {
        "Effect": "Allow",
        "Action": ["dynamodb:PutItem", "dynamodb:GetItem"],
        "Resource": "arn:aws:dynamodb:us-east-1:123456789012:table/t",
    }
    objects = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/runs/*/summary.json"}
    role = iam_backends[account.account_id]["aws"].create_role("bench", "{}", "/", None, "", [], "3600")
    role.put_policy("own", json.dumps({"Version": "2012-10-17", "Statement": [*others, items, objects]}))
    return str(role.arn)


def _signed(keys: Any, auth: Any, service: str, method: str, path: str, body: bytes) -> dict[str, Any]:
    request = AWSRequest(method=method, url=f"http://127.0.0.1:9{path}", data=body)
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    auth(credentials, service, "us-east-1").add_auth(request)
    headers = {f"HTTP_{name.upper().replace('-', '_')}": str(value) for name, value in request.headers.items()}
    return {"REQUEST_METHOD": method, "RAW_URI": path, "QUERY_STRING": "", "HTTP_HOST": "127.0.0.1:9", **headers}


if __name__ == "__main__":
    main()
