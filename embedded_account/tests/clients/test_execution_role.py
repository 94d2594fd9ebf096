"""What a notebook asks first: whose role it has, and where its bucket is; the SDK asks STS at AWS's own address."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from embedded_account.exports import aws_addresses, role_session
from embedded_account.pytest_plugin import RunningAccount

from embedded_account import client_environment

_SCRIPT = """
import json, os, boto3, sagemaker
from urllib.request import urlopen

role, bucket = sagemaker.get_execution_role(), sagemaker.Session().default_bucket()
sts = boto3.client("sts", endpoint_url="https://sts.us-east-1.amazonaws.com")
if ENDPOINT == "aws":
    del os.environ["AWS_ENDPOINT_URL"]
s3 = boto3.Session().client("s3", endpoint_url=None if ENDPOINT == "aws" else "https://s3.us-east-1.amazonaws.com")
s3.put_object(Bucket=bucket, Key="a b/k", Body=b"x" * 300_000)
content = s3.get_object(Bucket=bucket, Key="a b/k")["Body"].read()
url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a b/k"})
sqs = boto3.Session().client("sqs", endpoint_url="https://sqs.us-east-1.amazonaws.com")
sqs.create_queue(QueueName="of-a-notebook")
sqs.send_message(QueueUrl="https://sqs.us-east-1.amazonaws.com/123456789012/of-a-notebook", MessageBody="hello")
caller, again = sts.get_caller_identity()["Arn"], urlopen(url).read()
print(json.dumps([role, bucket, caller, len(content), len(again), url.split("/")[2]]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", ["aws", "the account's"])
def test_notebook_without_settings_has_its_role_and_its_bucket(
    account: RunningAccount, tmp_path: Path, endpoint: str
) -> None:
    """With the exported variables alone, SDKs with AWS's addresses in them reach the account, in the role."""
    pytest.importorskip("sagemaker")
    name = f"notebook-{endpoint[:3]}"
    arn = account.role(name)
    own = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    exported = client_environment(account.info) | aws_addresses(account.info, own) | role_session(account.info, name)

    done = subprocess.run(
        [sys.executable, "-c", f"ENDPOINT = {endpoint!r}\n{_SCRIPT}"],
        env=own | exported,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    role, bucket, caller, *sizes, host = json.loads(done.stdout.splitlines()[-1])
    assert (role, bucket) == (arn, "sagemaker-us-east-1-123456789012")
    assert caller == f"arn:aws:sts::123456789012:assumed-role/{name}/SageMaker"
    assert sizes == [300_000, 300_000]
    assert host.endswith("s3.amazonaws.com" if endpoint == "aws" else "s3.us-east-1.amazonaws.com")


def test_role_of_a_notebook_comes_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file as SageMaker's notebooks have it spares the question."""
    session = pytest.importorskip("sagemaker.session")
    arn = "arn:aws:iam::123456789012:role/notebook"
    file = tmp_path / "resource-metadata.json"
    file.write_text(json.dumps({"ExecutionRoleArn": arn}))
    monkeypatch.setattr(session, "NOTEBOOK_METADATA_FILE", str(file))
    unasked = object.__new__(session.Session)

    assert session.get_execution_role(unasked) == arn
