"""The tags of resources, for the condition keys that ask for them; looked up only when a policy does."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from embedded_account.account import Account
from embedded_account.iam.context import Value
from embedded_account.kms.keys import Keys

_Tags = Mapping[str, str]
_Lookup = Callable[[Any, str], Any]


def _last(arn: str) -> str:
    return arn.rpartition(":")[2]


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _object_tags(client: Any, arn: str) -> Any:
    bucket, _, key = arn.removeprefix("arn:aws:s3:::").partition("/")
    return client.get_object_tagging(Bucket=bucket, Key=key)["TagSet"] if key else None


def _stack_tags(client: Any, arn: str) -> Any:
    return client.describe_stacks(StackName=arn.split("/")[1])["Stacks"][0]["Tags"]


def _queue_tags(client: Any, arn: str) -> Any:
    return client.list_queue_tags(QueueUrl=client.get_queue_url(QueueName=_last(arn))["QueueUrl"]).get("Tags", {})


def _entity_tags(client: Any, arn: str) -> Any:
    if ":role/" in arn:
        return client.list_role_tags(RoleName=_name(arn))["Tags"]
    return client.list_user_tags(UserName=_name(arn))["Tags"] if ":user/" in arn else None


def _parameter_tags(client: Any, arn: str) -> Any:
    name = arn.partition(":parameter/")[2]
    name = f"/{name}" if "/" in name else name  # a name in a path begins with the slash that its ARN has anyway
    return client.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]


# By the service in an ARN: boto3's name of the service, and how its tags are asked for.
_LOOKUPS: dict[str, tuple[str, _Lookup]] = {
    "cloudformation": ("cloudformation", _stack_tags),
    "cloudwatch": ("cloudwatch", lambda client, arn: client.list_tags_for_resource(ResourceARN=arn)["Tags"]),
    "dynamodb": (
        "dynamodb",
        lambda client, arn: client.list_tags_of_resource(ResourceArn=arn.partition("/index/")[0])["Tags"],
    ),
    "events": ("events", lambda client, arn: client.list_tags_for_resource(ResourceARN=arn)["Tags"]),
    "iam": ("iam", _entity_tags),
    "lambda": ("lambda", lambda client, arn: client.list_tags(Resource=":".join(arn.split(":")[:7])).get("Tags", {})),
    "logs": (
        "logs",
        lambda client, arn: client.list_tags_for_resource(resourceArn=arn.partition(":log-stream:")[0])["tags"],
    ),
    "s3": ("s3", _object_tags),
    "sagemaker": ("sagemaker", lambda client, arn: client.list_tags(ResourceArn=arn)["Tags"]),
    "sns": ("sns", lambda client, arn: client.list_tags_for_resource(ResourceArn=arn)["Tags"]),
    "sqs": ("sqs", _queue_tags),
    "ssm": ("ssm", _parameter_tags),
    "states": ("stepfunctions", lambda client, arn: client.list_tags_for_resource(resourceArn=arn)["tags"]),
}


class ResourceTags:
    """Gives aws:ResourceTag/KEY, SERVICE:ResourceTag/KEY and s3:ExistingObjectTag/KEY of a resource.

    Source: IAM user guide, "AWS global condition context keys", aws:ResourceTag; Service Authorization Reference.
    """

    def __init__(self, account: Account, arn: str) -> None:
        self._account = account
        self._arn = arn
        self._service = arn.split(":", 3)[2] if arn.startswith("arn:") else ""
        self._tags: dict[str, str] | None = None

    def __call__(self, key: str) -> Value | None:
        """Return the value of a condition key in lower case; None for one that is none of these, or has no tag."""
        kind, _, name = key.partition("/")
        if not name or kind not in self._kinds():
            return None
        if self._tags is None:
            self._tags = self._look_up()
        return self._tags.get(name)

    def _kinds(self) -> tuple[str, ...]:
        if self._service == "s3":  # buckets are found by tags only where that was switched on, which is refused here
            return ("s3:existingobjecttag",)
        return ("aws:resourcetag", f"{self._service}:resourcetag")

    def _look_up(self) -> dict[str, str]:
        if self._service == "kms":  # not by a request, which the policy that asks would decide on
            key = self._account.singleton(Keys).find(self._arn)
            return {name.lower(): value for name, value in key.tags.items()} if key else {}
        if self._service not in _LOOKUPS or "*" in self._arn:
            return {}
        service, lookup = _LOOKUPS[self._service]
        try:
            tags = lookup(self._account.client(service), self._arn) or {}
        except ClientError:  # there is no such resource yet
            return {}
        if not isinstance(tags, Mapping):
            tags = {tag.get("Key", tag.get("key")): tag.get("Value", tag.get("value", "")) for tag in tags}
        return {str(name).lower(): str(value) for name, value in tags.items()}
