"""How far the simulator of `deploy.py simulate` is from an endpoint that really scales, in the embedded account.

    python bench/bench_scaling.py [--speed 20] [--out driven.json]

An endpoint whose requests take a fifth of a second is driven with a traffic that calls for more instances and then for
fewer, on a clock that is fast; the same traffic goes through the simulator, with the time of a request and the start of
an instance as they were measured in this run. Times are the account's.
"""

import io
import json
import math
import statistics
import sys
import tarfile
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import click
from botocore.config import Config
from botocore.exceptions import ClientError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import embedded_account
from ops.scaling.fleet import Service
from ops.scaling.policies import Policy, TargetTracking
from ops.scaling.simulation import Outcome, simulate
from ops.scaling.traces import MINUTE, Trace, of_counts

NAME, VARIANT, WORKERS, WORK_SECONDS = "driven", "AllTraffic", 2, 0.2
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
TARGETED = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": f"endpoint/{NAME}/variant/{VARIANT}",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
TRACKING = TargetTracking(18, 60, 120)
COUNTS = [*[8] * 6, *[40] * 14, *[8] * 24]
CODE = f"""
import json, time
def model_fn(model_dir): return None
def input_fn(body, content_type): return body
def predict_fn(data, model):
    time.sleep({WORK_SECONDS})  # stands for a network, and leaves the cores to the account
    return 1
def output_fn(prediction, accept): return json.dumps(prediction), accept
"""


@click.command()
@click.option("--speed", default=20.0, show_default=True, help="Account seconds in a real one.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Keep what was driven, for a test.")
def main(speed: float, out: Path | None) -> None:
    """Print both, and how far they are apart."""
    trace = of_counts("driven", COUNTS, seed=7)
    with tempfile.TemporaryDirectory() as folder:
        info = embedded_account.start(Path(folder), clock_speed=speed)
        try:
            driven = _drive(Clients(info), trace, speed)
        finally:
            embedded_account.stop(Path(folder))
    driven["trace"] = [round(second, 3) for second in trace.seconds.tolist()]
    report(driven, simulated(driven))
    if out:
        out.write_text(json.dumps(driven) + "\n", encoding="utf-8")


class Clients:
    """Clients of the account that try once."""

    def __init__(self, info: embedded_account.AccountInfo) -> None:
        session = boto3.Session(info.access_key_id, info.secret_access_key, region_name=info.region)
        once = Config(retries={"total_max_attempts": 1}, max_pool_connections=256, proxies={})
        self.of: Any = lambda service: session.client(service, endpoint_url=info.url, config=once)
        self.sagemaker, self.runtime = self.of("sagemaker"), self.of("sagemaker-runtime")
        self.info, self.autoscaling = info, self.of("application-autoscaling")

    def invoke(self) -> bool:
        """Tell whether a request is answered."""
        try:
            self.runtime.invoke_endpoint(EndpointName=NAME, Body=b"x", ContentType="image/jpeg")["Body"].read()
        except ClientError:
            return False
        return True


def _drive(clients: Clients, trace: Trace, speed: float) -> dict[str, Any]:
    """Return the times of requests, the instances at the end of each minute, and what an instance was like."""
    _make_endpoint(clients)
    alone = [_timed(clients)[1] for _ in range(20)]
    policy = {
        "TargetValue": TRACKING.target,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleOutCooldown": int(TRACKING.out_cooldown),
        "ScaleInCooldown": int(TRACKING.in_cooldown),
    }
    clients.autoscaling.register_scalable_target(**TARGETED, MinCapacity=1, MaxCapacity=4)
    clients.autoscaling.put_scaling_policy(
        **TARGETED, PolicyName="p", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=policy
    )
    _begin_a_minute(clients.info)
    began, answers = time.perf_counter(), []
    instances: list[int] = []
    ended = threading.Event()
    watching = threading.Thread(target=lambda: _watch(clients, began, speed, instances, ended))
    watching.start()
    with ThreadPoolExecutor(200) as pool:
        for at in trace.seconds / speed:
            time.sleep(max(0.0, began + at - time.perf_counter()))  # a request is sent when it is due
            answers.append(pool.submit(_timed, clients, began + at))
    time.sleep(max(0.0, began + trace.num_minutes * MINUTE / speed - time.perf_counter()))  # the last minute is idle
    ended.set()
    watching.join()
    activities = clients.autoscaling.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"]
    starts = [
        (each["EndTime"] - each["StartTime"]).total_seconds() for each in activities if "AlarmHigh" in each["Cause"]
    ]
    times = [answer.result() for answer in answers]
    return {
        "alone": [round(seconds * speed, 3) for seconds in alone],
        "start_seconds": round(statistics.mean(starts), 1),
        "seconds": [round(seconds * speed, 3) for is_answered, seconds in times if is_answered],
        "num_failed": sum(not is_answered for is_answered, _ in times),
        "instances": instances[: trace.num_minutes],
    }


def _make_endpoint(clients: Clients) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(CODE.encode())
        tar.addfile(member, io.BytesIO(CODE.encode()))
    clients.of("s3").create_bucket(Bucket="driven-models")
    clients.of("s3").put_object(Bucket="driven-models", Key="model.tar.gz", Body=content.getvalue())
    environment = {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        "SAGEMAKER_MODEL_SERVER_WORKERS": str(WORKERS),
    }
    container = {"Image": IMAGE, "ModelDataUrl": "s3://driven-models/model.tar.gz", "Environment": environment}
    clients.sagemaker.create_model(ModelName=NAME, ExecutionRoleArn=_role(clients), PrimaryContainer=container)
    variant = {"VariantName": VARIANT, "ModelName": NAME, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    clients.sagemaker.create_endpoint_config(EndpointConfigName=NAME, ProductionVariants=[variant])
    clients.sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
    clients.sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def _role(clients: Clients) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    allowed = {"Effect": "Allow", "Action": ["s3:*", "logs:*", "ecr:*", "cloudwatch:*"], "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [allowed]}
    iam = clients.of("iam")
    arn = iam.create_role(RoleName="serving", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="serving", PolicyName="p", PolicyDocument=json.dumps(policy))
    return str(arn)


def _timed(clients: Clients, due: float = 0.0) -> tuple[bool, float]:
    due = due or time.perf_counter()
    return clients.invoke(), time.perf_counter() - due


def _begin_a_minute(info: embedded_account.AccountInfo) -> None:
    """Put the account's clock to the beginning of a minute, so that its minutes are those of the trace."""
    now = datetime.fromisoformat(embedded_account.advance_clock(info, 0.001))
    embedded_account.advance_clock(info, MINUTE - now.timestamp() % MINUTE)


def _watch(clients: Clients, began: float, speed: float, instances: list[int], ended: threading.Event) -> None:
    while not ended.wait(max(0.0, began + (len(instances) + 1) * MINUTE / speed - time.perf_counter())):
        described = clients.sagemaker.describe_endpoint(EndpointName=NAME)
        instances.append(described["ProductionVariants"][0]["CurrentInstanceCount"])


def simulated(driven: dict[str, Any]) -> Outcome:
    """Return what the simulator makes of the trace that was driven."""
    import numpy as np

    service = Service(
        tuple(driven["alone"]), WORKERS, start_seconds=driven["start_seconds"], metric_minutes=0, timeout_seconds=3600
    )
    seconds = np.array(driven["trace"])
    return simulate(Trace("driven", seconds, len(COUNTS)), Policy("p", 1, 4, TRACKING), service)


def report(driven: dict[str, Any], outcome: Outcome) -> None:
    """Print driven, simulated, and how far they are apart."""
    ordered = sorted(driven["seconds"])
    rows = [
        (f"p{percent} s", ordered[math.ceil(len(ordered) * percent / 100) - 1], outcome.percentile(percent))
        for percent in (50, 95, 99)
    ]
    rows.append(("failed", float(driven["num_failed"]), float(outcome.num_failed)))
    ends = [float(minute.instances) for minute in outcome.minutes]
    rows.append(("instance-minutes", float(sum(driven["instances"])), sum(ends)))
    rows.append(("most instances", float(max(driven["instances"])), max(ends)))
    click.echo(f"{'':18} driven simulated")
    for name, real, ours in rows:
        click.echo(f"{name:18} {real:6.1f} {ours:9.1f}  {100 * (ours / real - 1) if real else 0:+.0f} %")
    click.echo(f"instances, driven     {driven['instances']}")
    click.echo(f"instances, simulated  {[round(one, 1) for one in ends]}")


if __name__ == "__main__":
    main()
