"""Callers whose permissions are the subject of a test."""

import json
import uuid
from typing import Any

import boto3
from botocore.config import Config

ONCE = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})


class Caller:
    """A session of a role that may do no more than the statements say."""

    def __init__(self, account: Any, *statements: dict[str, Any], **options: Any) -> None:
        self.account = account
        self.name = f"caller-{uuid.uuid4().hex[:8]}"
        iam = account.client("iam")
        principal = {"AWS": "arn:aws:iam::123456789012:root"}
        trust = {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
        role = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        self.allow(*statements)
        assumed = account.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test", **options)
        self.keys = assumed["Credentials"]
        self.arn, self.role_arn = assumed["AssumedRoleUser"]["Arn"], role["Arn"]

    def allow(self, *statements: dict[str, Any]) -> None:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        self.account.client("iam").put_role_policy(
            RoleName=self.name, PolicyName="test", PolicyDocument=json.dumps(document)
        )

    def client(self, service: str, config: Config | None = None, **changed: str) -> Any:
        keys = {
            "aws_access_key_id": self.keys["AccessKeyId"],
            "aws_secret_access_key": self.keys["SecretAccessKey"],
            "aws_session_token": self.keys["SessionToken"],
        }
        session: Any = boto3.session.Session(region_name="us-east-1")  # its stub wants the service as a literal
        return session.client(
            service, endpoint_url=self.account.info.url, config=ONCE.merge(config or Config()), **(keys | changed)
        )


def allowed(action: str | list[str], resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}
