"""How long a training job takes whose script imports torch and does nothing: forked against started anew.

    python bench/bench_jobs.py --rounds 7

By turns in one account: a job as it is, and one with PYTHONHASHSEED among its own variables, for which the account
starts a process anew. The first two jobs are not counted: the account imports torch for them.
"""

from __future__ import annotations

import io
import json
import statistics
import tarfile
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import boto3
import click

import embedded_account

_SCRIPT = "import torch\nprint(torch.ones(2).sum())\n"
_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.8.0-cpu-py312-ubuntu22.04-sagemaker"
_BUCKET = "jobs"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
_POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@click.command(help=__doc__)
@click.option("--rounds", default=7, show_default=True)
def main(rounds: int) -> None:
    """Run the jobs and print their seconds."""
    with tempfile.TemporaryDirectory() as folder:
        info = embedded_account.start(Path(folder))
        try:
            client = _prepare(info)
            for variables in ({}, {"PYTHONHASHSEED": "random"}):
                _seconds(client, variables)
            pairs = [(_seconds(client, {}), _seconds(client, {"PYTHONHASHSEED": "random"})) for _ in range(rounds)]
        finally:
            embedded_account.stop(Path(folder))
    forked, started = zip(*pairs, strict=True)
    ratios = [new / fork for fork, new in pairs]
    click.echo(f"forked       {statistics.median(forked):6.2f} s  ({min(forked):.2f} to {max(forked):.2f})")
    click.echo(f"started anew {statistics.median(started):6.2f} s  ({min(started):.2f} to {max(started):.2f})")
    click.echo(f"ratio        {statistics.median(ratios):6.1f}    ({min(ratios):.1f} to {max(ratios):.1f})")


def _prepare(info: embedded_account.AccountInfo) -> Any:
    session = boto3.Session(
        aws_access_key_id=info.access_key_id,
        aws_secret_access_key=info.secret_access_key,
        region_name=info.region,
    )
    iam = session.client("iam", endpoint_url=info.url)
    iam.create_role(RoleName="jobs", AssumeRolePolicyDocument=json.dumps(_TRUST))
    iam.put_role_policy(RoleName="jobs", PolicyName="everything", PolicyDocument=json.dumps(_POLICY))
    s3 = session.client("s3", endpoint_url=info.url)
    s3.create_bucket(Bucket=_BUCKET)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("train.py")
        member.size = len(_SCRIPT)
        tar.addfile(member, io.BytesIO(_SCRIPT.encode()))
    s3.put_object(Bucket=_BUCKET, Key="source.tar.gz", Body=archive.getvalue())
    return session.client("sagemaker", endpoint_url=info.url)


def _seconds(client: Any, variables: dict[str, str]) -> float:
    """Run one job; return its seconds from the request to its end."""
    name = f"job-{uuid.uuid4().hex[:8]}"
    started = time.perf_counter()
    client.create_training_job(
        TrainingJobName=name,
        RoleArn="arn:aws:iam::123456789012:role/jobs",
        AlgorithmSpecification={"TrainingImage": _IMAGE, "TrainingInputMode": "File"},
        HyperParameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{_BUCKET}/source.tar.gz",
        },
        OutputDataConfig={"S3OutputPath": f"s3://{_BUCKET}/out"},
        ResourceConfig={"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
        Environment=variables,
    )
    while (job := client.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] == "InProgress":
        time.sleep(0.02)
    if job["TrainingJobStatus"] != "Completed":
        raise click.ClickException(f"{name}: {job['FailureReason']}")
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
