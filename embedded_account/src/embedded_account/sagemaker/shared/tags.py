"""Tags of SageMaker resources: AddTags, ListTags and DeleteTags, for every kind that has been announced."""

from threading import Lock
from typing import Any

from embedded_account.account import Account
from embedded_account.sagemaker.shared.operations import page, register, validation_error

_MAX_TAGS = 50
_lock = Lock()
_tags_by_arn: dict[str, dict[str, str]] = {}


def install(account: Account) -> None:
    """Start without any resource."""
    _tags_by_arn.clear()
    account.keep("sagemaker-tags", lambda: dict(_tags_by_arn), _tags_by_arn.update)
    register({"AddTags": _add_tags, "ListTags": _list_tags, "DeleteTags": _delete_tags})


def announce(arn: str, tags: list[dict[str, str]] | None = None) -> None:
    """Note that the resource `arn` exists, with `tags` as a Create request lists them."""
    with _lock:
        _tags_by_arn[arn] = _checked({}, tags or [])


def forget(arn: str) -> None:
    """Note that the resource `arn` is gone."""
    with _lock:
        _tags_by_arn.pop(arn, None)


def listed(arn: str) -> list[dict[str, str]]:
    """Return the tags of `arn` as AWS lists them."""
    with _lock:
        return [{"Key": key, "Value": value} for key, value in _tags_by_arn.get(arn, {}).items()]


def _add_tags(params: dict[str, Any]) -> dict[str, Any]:
    arn = _known(params["ResourceArn"])
    with _lock:
        _tags_by_arn[arn] = _checked(_tags_by_arn[arn], params["Tags"])
    return {"Tags": listed(arn)}


def _list_tags(params: dict[str, Any]) -> dict[str, Any]:
    return page(listed(_known(params["ResourceArn"])), {"MaxResults": _MAX_TAGS} | params, "Tags")


def _delete_tags(params: dict[str, Any]) -> dict[str, Any]:
    arn = _known(params["ResourceArn"])
    with _lock:
        for key in params["TagKeys"]:
            _tags_by_arn[arn].pop(key, None)
    return {}


def _known(arn: str) -> str:
    if arn not in _tags_by_arn:
        raise validation_error(f"Requested resource not found: {arn}")
    return arn


def _checked(present: dict[str, str], added: list[dict[str, str]]) -> dict[str, str]:
    tags = present | {tag["Key"]: tag["Value"] for tag in added}
    if len(tags) > _MAX_TAGS:
        raise validation_error(f"number of tags: {len(tags)}; at most {_MAX_TAGS} are allowed on a resource")
    return tags
