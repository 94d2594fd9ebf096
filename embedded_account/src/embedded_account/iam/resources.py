"""The policies and tags of resources, by ARN."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from embedded_account.account import Account
from embedded_account.iam.documents import Policy
from embedded_account.iam.errors import MalformedPolicyError
from embedded_account.kms.keys import Keys


class ResourcePolicies:
    """Finds the policy of the resource that a request speaks of."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._finders: dict[str, Callable[[str], str | bytes | None]] = {
            "s3": self._bucket,
            "sqs": self._queue,
            "sns": self._topic,
            "lambda": self._function,
            "iam": self._trust,
            "kms": self._key,
        }

    def policy(self, arn: str) -> Policy | None:
        """Return the policy of the resource `arn`; None where it has none, or its service knows none.

        Raises:
            MalformedPolicyError: it has one that cannot be read.
        """
        text = self.text(arn)
        if not text:
            return None
        try:
            return Policy.parse(text)
        except MalformedPolicyError as error:
            raise MalformedPolicyError(f"the policy of {arn!r}: {error}; put a sound one") from error

    def document(self, arn: str) -> dict[str, Any] | None:
        """Return the policy of the resource `arn` in its parsed form; None where it has none."""
        text = self.text(arn)
        document: dict[str, Any] | None = json.loads(text) if text else None
        return document

    def text(self, arn: str) -> str | None:
        """Return the policy of the resource `arn` as it was put."""
        service = arn.split(":", 3)[2] if arn.startswith("arn:") else ""
        finder = self._finders.get(service)
        text = finder(arn) if finder else None
        return text.decode() if isinstance(text, bytes) else text

    def _bucket(self, arn: str) -> str | bytes | None:
        from moto.s3.models import s3_backends

        name = arn.split(":::", 1)[-1].split("/", 1)[0]
        bucket = s3_backends[self._account.account_id]["aws"].buckets.get(name)
        return bucket.policy if bucket else None

    def _queue(self, arn: str) -> str | None:
        from moto.sqs.models import sqs_backends

        queue = sqs_backends[self._account.account_id][self._account.region].queues.get(arn.rpartition(":")[2])
        policy: str | None = queue.policy if queue else None
        return policy

    def _topic(self, arn: str) -> str | None:
        from moto.sns.models import sns_backends

        topic = sns_backends[self._account.account_id][self._account.region].topics.get(arn)
        policy: str | None = topic.policy if topic else None
        return policy

    def _function(self, arn: str) -> str | None:
        from moto.awslambda.models import lambda_backends

        name = arn.split(":")[6]
        known: Mapping[str, Any] = lambda_backends[self._account.account_id][self._account.region]._lambdas._functions
        latest = (known.get(name) or {}).get("latest")
        statements = latest.policy.statements if latest else []
        return json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else None

    def _key(self, arn: str) -> str | None:
        key = self._account.singleton(Keys).find(arn)
        return key.policy if key else None

    def _trust(self, arn: str) -> str | None:
        from moto.iam.models import iam_backends

        roles = iam_backends[self._account.account_id]["aws"].roles.values()
        return next((str(role.assume_role_policy_document) for role in list(roles) if role.arn == arn), None)
