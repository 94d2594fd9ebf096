"""The prediction function's cold start, memory, size and overhead, against a handler as tutorials write it.

    python bench/bench_predict.py                      cold starts and warm calls, interleaved fresh processes
    python bench/bench_predict.py --photographs DIR    and, on a deployed embedded account, what the Lambda adds

The baseline imports boto3 and requests and makes its client for each call; ours is handlers/predict.py as it stands.
Both get an image of 100 kB in the event and ask the same endpoint, a server on 127.0.0.1 that answers at once.
"""

import base64
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parents[1]
IMAGE = b"\xff\xd8\xff\xe0" + os.urandom(100_000)
ANSWER = json.dumps({"predictions": [{"class_name": "a", "class_index": 0, "probability": 1.0}], "model": {}}).encode()

BASELINE = """
import base64, json, os
import boto3
import requests  # for the image's URL; not called here, as with ours

def handler(event, context):
    runtime = boto3.client("sagemaker-runtime")
    image = base64.b64decode(event["image"])
    answer = runtime.invoke_endpoint(EndpointName=os.environ["ENDPOINT_NAME"], ContentType="image/jpeg", Body=image)
    return {"statusCode": 200, "body": answer["Body"].read().decode()}
"""

# What a Lambda environment does, timed from inside the process; the interpreter's own start is the same for both.
PROBE = """
import json, resource, sys, time
began = time.perf_counter()
import importlib
module = importlib.import_module(sys.argv[1])
imported = time.perf_counter()
event = json.load(sys.stdin)

class Context:
    aws_request_id = "bench"
    client_context = None
    def get_remaining_time_in_millis(self):
        return 30_000

sys.stdout, out = sys.stderr, sys.stdout
def call():
    started = time.perf_counter()
    answer = module.handler(event, Context())
    assert answer["statusCode"] == 200, answer
    return (time.perf_counter() - started) * 1000

first = call()
warm = sorted(call() for _ in range(int(sys.argv[2])))
print(json.dumps({
    "import_ms": (imported - began) * 1000, "first_ms": first, "warm_ms": warm[len(warm) // 2],
    "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}), file=out)
"""

# The call alone, over a kept connection, as the function makes it.
DIRECT = """
import json, sys, time
from botocore.config import Config
import boto3
runtime = boto3.client("sagemaker-runtime")
image = __import__("base64").b64decode(json.load(sys.stdin)["image"])
def call():
    started = time.perf_counter()
    runtime.invoke_endpoint(EndpointName="e", ContentType="image/jpeg", Body=image)["Body"].read()
    return (time.perf_counter() - started) * 1000
call()
warm = sorted(call() for _ in range(int(sys.argv[2])))
print(json.dumps({"warm_ms": warm[len(warm) // 2]}))
"""


class Endpoint(BaseHTTPRequestHandler):
    """Answers every invocation at once."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Stay silent."""


def environment(url: str, folder: str) -> dict[str, str]:
    """Return the variables of a function, and nothing of this machine's AWS settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "PYTHONPATH": os.pathsep.join((folder, str(ROOT))), "AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1", "AWS_EC2_METADATA_DISABLED": "true", "BUCKET_NAME": "b",
        "PREDICT_PREFIX": "datasets/", "ENDPOINT_NAME": "e",
        "MAX_IMAGE_BYTES": "5000000", "FETCH_DEADLINE_SECONDS": "5",
        "ENDPOINT_READ_TIMEOUT_SECONDS": "10",
    }  # fmt: skip


def measure(rounds: int, warm_calls: int) -> dict[str, list[dict[str, float]]]:
    """Run baseline, ours and the direct call by turns, each in a fresh process; return every round's numbers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    event = json.dumps({"image": base64.b64encode(IMAGE).decode()})
    figures: dict[str, list[dict[str, float]]] = {"baseline": [], "ours": [], "direct": []}
    runs = {
        "baseline": (PROBE, "baseline_handler"),
        "ours": (PROBE, "handlers.predict"),
        "direct": (DIRECT, "-"),
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "baseline_handler.py").write_text(BASELINE)
        variables = environment(f"http://127.0.0.1:{server.server_port}", folder)
        for _ in range(rounds):
            for name, (code, module) in runs.items():
                done = subprocess.run(
                    [sys.executable, "-s", "-c", code, module, str(warm_calls)],
                    input=event, env=variables, capture_output=True, text=True, check=True, timeout=120,
                )  # fmt: skip
                figures[name].append(json.loads(done.stdout))
    server.shutdown()
    return figures


def show(figures: dict[str, list[dict[str, float]]]) -> None:
    """Print medians, and the range of the ratios of the rounds."""
    print(f"{'':10}{'import ms':>12}{'first ms':>12}{'cold ms':>12}{'warm p50':>12}{'memory MB':>12}")
    for name in ("baseline", "ours"):
        rows = figures[name]
        cold = [row["import_ms"] + row["first_ms"] for row in rows]
        cells = [statistics.median(row[key] for row in rows) for key in ("import_ms", "first_ms")]
        cells += [
            statistics.median(cold),
            *(statistics.median(row[key] for row in rows) for key in ("warm_ms", "memory_mb")),
        ]
        print(f"{name:10}" + "".join(f"{cell:12.1f}" for cell in cells))
    for label, key in (("import", "import_ms"), ("memory", "memory_mb")):
        ratios = [ours[key] / base[key] for ours, base in zip(figures["ours"], figures["baseline"], strict=True)]
        print(f"{label}: ours / baseline {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    cold_of = lambda row: row["import_ms"] + row["first_ms"]  # noqa: E731
    ratios = [cold_of(o) / cold_of(b) for o, b in zip(figures["ours"], figures["baseline"], strict=True)]
    print(
        f"cold (import and first call): ours / baseline {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f}); at most 0.5 is aimed at"
    )
    over = [o["warm_ms"] - d["warm_ms"] for o, d in zip(figures["ours"], figures["direct"], strict=True)]
    print(
        f"warm call, handler minus the same call by boto3: {statistics.median(over):+.2f} ms"
        f" ({min(over):+.2f} to {max(over):+.2f})"
    )


def show_package() -> None:
    """Print how much the function's package weighs."""
    from ops.packaging.archive import zip_bytes

    files = {str(path.relative_to(ROOT)): path for path in (ROOT / "handlers").rglob("*.py")}
    total = sum(path.stat().st_size for path in files.values())
    print(f"package: {len(zip_bytes(files))} bytes zipped, {total} bytes unpacked, {len(files)} files")


def show_overhead(folder: Path, seconds: float, rounds: int) -> None:
    """Print what the Lambda adds to the endpoint in the embedded account that runs now, with the same photographs."""
    import embedded_account
    from ops.load import driving, summary, targets
    from ops.session import local_folder, open_session
    from ops.stack import stacks

    session = open_session("retriever", embedded_account.status(local_folder()))
    deployed, files = stacks.deployed(session), targets.photographs(folder, 16)
    both = [targets.of_stack(session, deployed, name) for name in ("endpoint", "lambda")]
    medians: dict[str, list[float]] = {"endpoint": [], "lambda": []}
    for _ in range(rounds):
        for name, target in zip(medians, both, strict=True):
            result = driving.drive(target, files, driving.Load(seconds, warm_up_seconds=1.0))
            summary.show(result)
            medians[name].append(result.percentiles_ms()["p50"])
    over = [b - a for a, b in zip(medians["endpoint"], medians["lambda"], strict=True)]
    print(
        f"Lambda minus endpoint, p50 at one caller: {statistics.median(over):+.2f} ms"
        f" ({min(over):+.2f} to {max(over):+.2f}); at most 5 is aimed at"
    )


def show_deadlines(rounds: int, deadline_seconds: float = 0.3) -> None:
    """Print how long after its deadline a fetch ends at the latest, from servers that drip or say nothing."""
    from handlers.prediction.errors import OutOfTimeError
    from handlers.prediction.fetch import fetch
    from handlers.prediction.urls import Fetchable

    header = b"HTTP/1.1 200 OK\r\n"
    sent = {"body": header + b"\r\n", "headers": header + b"X-A: ", "silence": b""}
    for name, first in sent.items():
        late: list[float] = []
        for _ in range(rounds):
            with dripping(first) as origin:
                started = time.perf_counter()
                try:
                    fetch(
                        origin,
                        max_bytes=9999,
                        deadline_seconds=deadline_seconds,
                        fetchable=Fetchable(frozenset({origin})),
                    )
                except OutOfTimeError:
                    late.append((time.perf_counter() - started - deadline_seconds) * 1000)
        print(f"a fetch from a server that drips its {name} ends {max(late):.0f} ms after its deadline at the latest")


@contextmanager
def dripping(first: bytes) -> Iterator[str]:
    """Give the origin of a server that sends `first` and then a byte now and then, or nothing if that was nothing."""
    listener, ended = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def serve() -> None:
        with listener, suppress(OSError), listener.accept()[0] as peer:
            peer.sendall(first)
            while not ended.wait(0.02):
                peer.sendall(first[:1])

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    ended.set()


def show_capacity(folder: Path, reserved: int) -> None:
    """Print who is served with `reserved` at once, and how soon after the rush a new caller is."""
    import embedded_account
    from ops.load import driving, summary, targets
    from ops.session import local_folder, open_session
    from ops.stack import stacks

    session = open_session("retriever", embedded_account.status(local_folder()))
    deployed, files = stacks.deployed(session), targets.photographs(folder, 16)
    name, target = deployed.output("PredictFunctionName"), targets.of_stack(session, deployed, "lambda")
    concurrency: Any = session.functions.get_function_concurrency(FunctionName=name)  # its stub says it is never empty
    before = concurrency.get("ReservedConcurrentExecutions")
    session.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
    try:
        rush = driving.drive(target, files, driving.Load(4.0, concurrency=4 * reserved))
        ended = time.perf_counter()
        while target.send(files[0]) != driving.OK:
            time.sleep(0.01)
        recovered_ms = (time.perf_counter() - ended) * 1000
    finally:
        if before is None:
            session.functions.delete_function_concurrency(FunctionName=name)
        else:
            session.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=before)
    summary.show(rush)
    print(
        f"reserved {reserved}, {4 * reserved} callers: {most_at_once(session, name)} at work together at the most;"
        f" the next caller was answered {recovered_ms:.0f} ms after the rush (at most 1000 aimed at)"
    )


def most_at_once(session: Any, function_name: str) -> int:
    """Return the most executions at a time that Lambda has counted in the last seconds."""
    time.sleep(2)  # metrics are sent on once a second
    now = datetime.now(UTC)
    answer = session.load_client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda", MetricName="ConcurrentExecutions", Statistics=["Maximum"], Period=1,
        Dimensions=[{"Name": "FunctionName", "Value": function_name}],
        StartTime=now - timedelta(seconds=6), EndTime=now + timedelta(seconds=1),
    )  # fmt: skip
    return int(max((point["Maximum"] for point in answer["Datapoints"]), default=0))


@click.command()
@click.option("--rounds", default=7, show_default=True, help="Fresh processes of each.")
@click.option("--warm-calls", default=200, show_default=True, help="Calls after the first, in each process.")
@click.option(
    "--photographs", type=click.Path(exists=True, path_type=Path), help="And drive the running embedded account."
)
@click.option("--seconds", default=4.0, show_default=True, help="For each of those loads.")
def main(rounds: int, warm_calls: int, photographs: Path | None, seconds: float) -> None:
    """Measure the prediction function."""
    show(measure(rounds, warm_calls))
    show_package()
    show_deadlines(rounds)
    if photographs:
        show_overhead(photographs, seconds, 3)
        show_capacity(photographs, 2)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
