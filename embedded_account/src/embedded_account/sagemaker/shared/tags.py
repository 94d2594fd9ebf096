"""Tags of SageMaker resources: AddTags, ListTags and DeleteTags, for every kind that has been announced."""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from embedded_account.account import Account
from embedded_account.sagemaker.shared.listing import page
from embedded_account.sagemaker.shared.resources import validation_error
from embedded_account.wiring.serving import Operation

_MAX_TAGS = 50


class Tags:
    """The tags of the account's SageMaker resources; `account.singleton(Tags)` is the one that all of them use."""

    def __init__(self, account: Account) -> None:
        self._lock = Lock()
        self._by_arn: dict[str, dict[str, str]] = {}
        account.persist("sagemaker-tags", lambda: dict(self._by_arn), self._by_arn.update)

    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that this carries out."""
        return {"AddTags": self.add, "ListTags": self.list, "DeleteTags": self.delete}

    def announce(self, arn: str, tags: list[dict[str, str]] | None = None) -> None:
        """Note that the resource `arn` exists, with `tags` as a Create request lists them."""
        with self._lock:
            self._by_arn[arn] = _checked({}, tags or [])

    def forget(self, arn: str) -> None:
        """Note that the resource `arn` is gone."""
        with self._lock:
            self._by_arn.pop(arn, None)

    def of(self, arn: str) -> dict[str, str]:
        """Return the tags of `arn`, values by keys."""
        with self._lock:
            return dict(self._by_arn.get(arn, {}))

    def add(self, params: dict[str, Any]) -> dict[str, Any]:
        """Add tags, or change the values of those that are there; answer with all."""
        arn = self._known(params["ResourceArn"])
        with self._lock:
            self._by_arn[arn] = _checked(self._by_arn[arn], params["Tags"])
        return {"Tags": self._listed(arn)}

    def list(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with a page of a resource's tags, which by default has them all."""
        return page(self._listed(self._known(params["ResourceArn"])), {"MaxResults": _MAX_TAGS} | params, "Tags")

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """Take tags away; keys that are not there are passed over, as on AWS."""
        arn = self._known(params["ResourceArn"])
        with self._lock:
            for key in params["TagKeys"]:
                self._by_arn[arn].pop(key, None)
        return {}

    def _listed(self, arn: str) -> Sequence[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self.of(arn).items()]

    def _known(self, arn: str) -> str:
        if arn not in self._by_arn:
            raise validation_error(f"Requested resource not found: {arn}")
        return arn


def _checked(present: dict[str, str], added: list[dict[str, str]]) -> dict[str, str]:
    tags = present | {tag["Key"]: tag["Value"] for tag in added}
    if len(tags) > _MAX_TAGS:
        raise validation_error(f"number of tags: {len(tags)}; at most {_MAX_TAGS} are allowed on a resource")
    return tags
