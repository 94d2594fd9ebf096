"""How fast the embedded account is: start, S3, Lambda, endpoints, executions.

    python bench/bench_account.py
    python bench/bench_account.py --only s3 --only lambda

Starts an account of its own in a temporary folder and prints a table: what, figure, limit.
"""

from __future__ import annotations

import io
import json
import statistics
import tarfile
import tempfile
import time
import uuid
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import click
import psutil
from botocore.config import Config

import embedded_account
from embedded_account import AccountInfo

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{
        "Effect": "Allow",
        "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com", "sagemaker.amazonaws.com"]},
        "Action": "sts:AssumeRole",
    }],
}  # fmt: skip
_POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
_INFERENCE = """
def model_fn(model_dir):
    return None
def input_fn(body, content_type):
    return body
def predict_fn(data, model):
    return len(data)
def output_fn(prediction, accept):
    return str(prediction), accept
"""
Row = tuple[str, str, str]


@dataclass(frozen=True)
class Bench:
    """A running account to measure."""

    info: AccountInfo
    folder: Path

    def client(self, service: str, **options: Any) -> Any:
        """Return a client of the account's root that keeps its connections."""
        session = boto3.session.Session(self.info.access_key_id, self.info.secret_access_key, region_name="us-east-1")
        config = Config(max_pool_connections=64, retries={"total_max_attempts": 1}, **options)
        return session.client(service, endpoint_url=self.info.url, config=config)  # type: ignore[call-overload]

    def role(self) -> str:
        """Return a role that may do everything."""
        iam, name = self.client("iam"), f"bench-{uuid.uuid4().hex[:8]}"
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(_POLICY))
        return str(arn)

    def resident_mb(self) -> float:
        """Return the memory of the account's process."""
        return float(psutil.Process(self.info.pid).memory_info().rss) / (1 << 20)

    def peak_mb(self) -> float:
        """Return the most memory that the account's process has had."""
        lines = Path(f"/proc/{self.info.pid}/status").read_text().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def start(folder: Path) -> list[Row]:
    """From nothing to an account that answers."""
    seconds = _seconds(lambda: embedded_account.start(folder / "started"))
    embedded_account.stop(folder / "started")
    return [("start, from nothing to the first answer", f"{seconds:.1f} s", "3 s")]


def s3(bench: Bench) -> list[Row]:
    """Small objects from 8 threads, by one client each; then 200 MB in one piece and in parts."""
    client = bench.client("s3")
    client.create_bucket(Bucket="bench")
    body = b"x" * 4096
    puts = _puts_per_second(bench, body)
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(200 << 20)
        before = bench.resident_mb()
        whole = _seconds(lambda: _put(client, file.name))
        parts = _seconds(lambda: client.upload_file(file.name, "bench", "parts"))
        with tempfile.NamedTemporaryFile() as target:
            down = _seconds(lambda: client.download_file("bench", "parts", target.name))
        grown = bench.resident_mb() - before
    return [
        ("S3 PutObject of 4 kB, 8 threads", f"{puts:.0f} a second", "at least 500"),
        (
            "S3 200 MB: put whole / in parts / get in parts",
            f"{whole:.1f} / {parts:.1f} / {down:.1f} s",
            "a few seconds",
        ),
        ("memory that those three added", f"{grown:.0f} MB", "100 MB"),
    ]


def large(bench: Bench) -> list[Row]:
    """An object of 2 GB, zeros of a sparse file: put in parts, got again, and how far the account's memory went up."""
    client = bench.client("s3")
    client.create_bucket(Bucket="bench-large")
    before = bench.resident_mb()
    with tempfile.NamedTemporaryFile() as file, tempfile.NamedTemporaryFile() as target:
        file.truncate(2 << 30)
        up = _seconds(lambda: client.upload_file(file.name, "bench-large", "2gb"))
        down = _seconds(lambda: client.download_file("bench-large", "2gb", target.name))
        assert Path(target.name).stat().st_size == 2 << 30
    client.delete_object(Bucket="bench-large", Key="2gb")
    return [
        ("S3 2 GB: put in parts / got in parts", f"{up:.1f} / {down:.1f} s", ""),
        ("memory that it took at most", f"{bench.peak_mb() - before:.0f} MB", "100 MB"),
    ]


def _put(client: Any, path: str) -> None:
    with open(path, "rb") as body:
        client.put_object(Bucket="bench", Key="whole", Body=body)


def _puts_per_second(bench: Bench, body: bytes, seconds: float = 3.0) -> float:
    """Put from 8 processes' worth of threads; boto3 itself takes a millisecond of a core a put, so it is signed raw."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    from urllib3 import HTTPConnectionPool

    credentials = Credentials(bench.info.access_key_id, bench.info.secret_access_key)
    deadline = time.monotonic() + seconds

    def put(number: int) -> int:
        pool, count = HTTPConnectionPool("127.0.0.1", bench.info.port, maxsize=1), 0
        url = f"{bench.info.url}/bench/small/{number}"
        request = AWSRequest("PUT", url, data=body, headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
        SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
        headers = dict(request.headers.items())
        while time.monotonic() < deadline:
            assert pool.urlopen("PUT", f"/bench/small/{number}", body=body, headers=headers).status == 200
            count += 1
        return count

    with ThreadPoolExecutor(8) as threads:
        return sum(threads.map(put, range(8))) / seconds


def lambda_(bench: Bench) -> list[Row]:
    """A warm function that does nothing, by boto3."""
    client = bench.client("lambda")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", "def handler(event, context):\n    return 1\n")
    client.create_function(
        FunctionName="bench",
        Runtime="python3.11",
        Handler="app.handler",
        Role=bench.role(),
        Code={"ZipFile": archive.getvalue()},
    )

    def _invoke() -> None:
        client.invoke(FunctionName="bench", Payload=b"{}")["Payload"].read()

    times = _milliseconds(_invoke, 300)
    return [("warm Lambda Invoke, p50 / p95", _percentiles(times), "3 ms")]


def endpoint(bench: Bench) -> list[Row]:
    """InvokeEndpoint with a model that does nothing: what the client sees, and the overhead that the account notes."""
    client, runtime, name = bench.client("sagemaker"), bench.client("sagemaker-runtime"), "bench"
    bench.client("s3").create_bucket(Bucket="bench-models")
    bench.client("s3").put_object(Bucket="bench-models", Key="model.tar.gz", Body=_model())
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    container = {"Image": _IMAGE, "ModelDataUrl": "s3://bench-models/model.tar.gz", "Environment": environment}
    client.create_model(ModelName=name, ExecutionRoleArn=bench.role(), PrimaryContainer=container)
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)
    client.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 0.2})
    body = b"x" * 50_000

    def _predict() -> None:
        runtime.invoke_endpoint(EndpointName=name, Body=body)["Body"].read()

    times = _milliseconds(_predict, 300)
    overhead = _metric(bench, "OverheadLatency") / 1000
    client.delete_endpoint(EndpointName=name)
    return [
        ("InvokeEndpoint of 50 kB, client p50 / p95", _percentiles(times), ""),
        ("InvokeEndpoint, OverheadLatency p50", f"{overhead:.2f} ms", "3 ms"),
    ]


def _model() -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as file:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(_INFERENCE)
        file.addfile(member, io.BytesIO(_INFERENCE.encode()))
    return archive.getvalue()


def _metric(bench: Bench, name: str) -> float:
    now = time.time()
    points = bench.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=name,
        Dimensions=[{"Name": "EndpointName", "Value": "bench"}, {"Name": "VariantName", "Value": "AllTraffic"}],
        StartTime=now - 3600,
        EndTime=now + 60,
        Period=3600,
        ExtendedStatistics=["p50"],
    )["Datapoints"]
    return float(max(point["ExtendedStatistics"]["p50"] for point in points))


def executions(bench: Bench) -> list[Row]:
    """Fifty executions of a Lambda task between two waits, started at once."""
    client, role = bench.client("stepfunctions"), bench.role()
    states = {
        "Invoke": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "bench"},
            "Next": "Wait",
        },
        "Wait": {"Type": "Wait", "Seconds": 1, "End": True},
    }
    definition = json.dumps({"StartAt": "Invoke", "States": states})
    machine = client.create_state_machine(name="bench", definition=definition, roleArn=role)["stateMachineArn"]
    started = time.perf_counter()
    with ThreadPoolExecutor(8) as threads:
        arns = list(threads.map(lambda _: client.start_execution(stateMachineArn=machine)["executionArn"], range(50)))
    while (statuses := [client.describe_execution(executionArn=arn)["status"] for arn in arns]).count("RUNNING"):
        time.sleep(0.1)
    seconds = time.perf_counter() - started
    assert set(statuses) == {"SUCCEEDED"}, statuses
    return [
        ("50 executions at once (Lambda task, 1 s wait), to the end of the last", f"{seconds:.1f} s", "all succeed")
    ]


def _seconds(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _milliseconds(action: Callable[[], Any], count: int) -> list[float]:
    for _ in range(20):
        action()
    return [_seconds(action) * 1000 for _ in range(count)]


def _percentiles(times: list[float]) -> str:
    return f"{statistics.median(times):.2f} / {statistics.quantiles(times, n=20)[-1]:.2f} ms"


PARTS: dict[str, Callable[[Bench], list[Row]]] = {
    "s3": s3,
    "large": large,
    "lambda": lambda_,
    "endpoint": endpoint,
    "executions": executions,
}


@click.command()
@click.option("--only", multiple=True, type=click.Choice(["start", *PARTS]), help="Measure this part; repeatable.")
def main(only: tuple[str, ...]) -> None:
    """Measure the embedded account of this checkout."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not only or "start" in only:
            rows += start(folder)
        bench = Bench(embedded_account.start(folder / "account"), folder)
        try:
            for part, measure in PARTS.items():
                if not only or part in only or (part == "lambda" and "executions" in only):
                    rows += measure(bench)
        finally:
            embedded_account.stop(folder / "account")
    width = max(len(row[0]) for row in rows)
    for what, figure, limit in rows:
        click.echo(f"{what:<{width}}  {figure:<22} {f'(limit: {limit})' if limit else ''}")


if __name__ == "__main__":
    main()
