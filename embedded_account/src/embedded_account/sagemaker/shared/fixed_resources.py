"""Resources that never change once they are made: kept by name, tagged, and told of on the event bus."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.sagemaker.shared import state_events
from embedded_account.sagemaker.shared.consistency import Consistency
from embedded_account.sagemaker.shared.listing import page, select
from embedded_account.sagemaker.shared.resources import arn, validation_error
from embedded_account.sagemaker.shared.tags import Tags


class FixedResources:
    """The account's resources of one kind; `kind` is AWS's prefix of their members, such as "EndpointConfig"."""

    def __init__(self, account: Account, kind: str, *, words: str) -> None:
        """Begin with none; `words` is the kind as messages, ARNs and events spell it, such as "endpoint config"."""
        self._account = account
        self._kind = kind
        self._words = words
        self._tags = account.singleton(Tags)
        self._consistency = account.singleton(Consistency)
        self._lock = Lock()
        self._by_name: dict[str, dict[str, Any]] = {}
        account.persist_members(f"{words.replace(' ', '-')}s", self, "_by_name")

    def get(self, name: str) -> dict[str, Any]:
        """Return the description of the resource `name`.

        Raises:
            ServiceError: there is none.
        """
        description = self._by_name.get(name)
        if description is None:
            raise self._missing(name)
        return description

    def look_up(self, name: str) -> dict[str, Any]:
        """Return what the Describe operation of the kind answers; one that was just made may be missed.

        Raises:
            ServiceError: there is none, or none yet.
        """
        description = self.get(name)
        if self._consistency.misses(self._arn(name)):
            raise self._missing(name)
        return description

    def build_on(self, name: str) -> dict[str, Any]:
        """Return the description of the resource `name` for a request that builds on it.

        Raises:
            ServiceError: there is none, or none yet.
        """
        description = self.get(name)
        if self._consistency.hides(self._arn(name)):
            raise self._missing(name)
        return description

    def add(self, name: str, members: dict[str, Any], tags: list[dict[str, str]] | None) -> str:
        """Keep a resource with `members`; return its ARN.

        Raises:
            ServiceError: the name is taken.
        """
        own_arn = self._arn(name)
        named: dict[str, Any] = {
            f"{self._kind}Name": name,
            f"{self._kind}Arn": own_arn,
            "CreationTime": self._account.clock.now(),
        }
        with self._lock:
            if name in self._by_name:
                raise validation_error(f'Cannot create already existing {self._spoken} "{own_arn}".')
            self._by_name[name] = named | members
        self._consistency.made(own_arn)
        self._tags.announce(own_arn, tags)
        self._tell(self._by_name[name])
        return own_arn

    def page(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the List operation of the kind answers."""
        members = (f"{self._kind}Name", f"{self._kind}Arn", "CreationTime")
        summaries = [{key: each[key] for key in members} for each in list(self._by_name.values())]
        summaries = self._consistency.listed(summaries, f"{self._kind}Arn")
        return page(select(summaries, params, name_key=f"{self._kind}Name"), params, f"{self._kind}s")

    def delete(self, name: str) -> None:
        """Forget the resource `name`; what was made from it goes on.

        Raises:
            ServiceError: there is none.
        """
        description = self.get(name)
        with self._lock:
            self._by_name.pop(name, None)
        self._tell(description)
        self._tags.forget(description[f"{self._kind}Arn"])

    def _missing(self, name: str) -> ServiceError:
        return validation_error(f'Could not find {self._spoken} "{self._arn(name)}".')

    @property
    def _spoken(self) -> str:
        return self._words.replace("config", "configuration")

    def _arn(self, name: str) -> str:
        return arn(self._account, self._words.replace(" ", "-"), name)

    def _tell(self, description: Mapping[str, Any]) -> None:
        state_events.put_resource_event(
            self._account, self._words.title(), description, description[f"{self._kind}Arn"]
        )
