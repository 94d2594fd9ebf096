"""Refuses a bucket's policy that S3 would refuse: actions that it has not, and resources that are none of the bucket.

Source: Amazon S3 user guide, "Policies and permissions in Amazon S3"; Service Authorization Reference, "Amazon S3".
"""

from embedded_account.iam.actions import s3_names
from embedded_account.iam.documents import Policy, Statement
from embedded_account.iam.errors import MalformedPolicyError
from embedded_account.iam.patterns import matches

_ANY = "*"
_OBJECTS = "/"


def check_bucket_policy(policy: Policy, bucket: str) -> None:
    """Return when every statement speaks of the bucket or its objects by actions that can be done to them.

    Raises:
        MalformedPolicyError: one does not; the message begins with S3's own.
    """
    for statement in policy.statements:
        for action in statement.actions:
            if not _expand(action):
                raise MalformedPolicyError(f"Policy has invalid action: {action!r}; S3 has no such action")
        for resource in statement.resources:
            if not _is_of(resource, bucket):
                remedy = f"name arn:aws:s3:::{bucket} or what is below arn:aws:s3:::{bucket}/"
                raise MalformedPolicyError(f"Policy has invalid resource: {resource!r}; {remedy}")
        _check_actions_apply(statement)


def _expand(pattern: str) -> frozenset[str]:
    """Return the actions of S3 that a pattern stands for."""
    if pattern in s3_names.ALL:
        return frozenset({pattern})
    return frozenset(name for name in s3_names.ALL if matches(pattern, name))


def _is_of(resource: str, bucket: str) -> bool:
    """Return whether a pattern speaks of the bucket or of objects in it."""
    arn = f"arn:aws:s3:::{bucket}"
    return matches(resource.partition(_OBJECTS)[0], arn)


def _check_actions_apply(statement: Statement) -> None:
    """Return when each action can be done to some resource of its statement.

    Raises:
        MalformedPolicyError: one cannot.
    """
    if statement.excludes_actions or statement.excludes_resources:
        return
    possible: frozenset[str] = frozenset()
    if any(_OBJECTS in one or _ANY in one for one in statement.resources):
        possible |= s3_names.ON_OBJECTS
    if any(_OBJECTS not in one for one in statement.resources):
        possible |= s3_names.ON_BUCKETS
    for action in statement.actions:
        if not _expand(action) & possible:
            raise MalformedPolicyError(
                f"Action does not apply to any resource(s) in statement: {action!r} on {list(statement.resources)}"
            )
