"""Eventual consistency: what was just made may not be found yet, where the account's delays are switched on.

Source: SageMaker API reference, CreateEndpoint: a configuration that was just made may not be found, and a retry is
recommended; DynamoDB developer guide, "Read consistency", for the reads that this comes from.
"""

from collections.abc import Iterable
from typing import Any

from embedded_account.account import Account
from embedded_account.faults.delays import Delays

_KIND = "delay-resources"


class Consistency:
    """What is not found yet, by ARN."""

    def __init__(self, account: Account) -> None:
        self._delays = account.singleton(Delays)

    def made(self, arn: str) -> None:
        """Note that a resource was made just now."""
        self._delays.begin(_KIND, arn)

    def hides(self, arn: str) -> bool:
        """Return whether a request that builds on the resource does not find it yet."""
        return self._delays.remaining(_KIND, arn) > 0

    def misses(self, arn: str) -> bool:
        """Return whether this look at the resource does not find it."""
        return self._delays.misses(_KIND, arn)

    def listed(self, summaries: Iterable[dict[str, Any]], key: str) -> list[dict[str, Any]]:
        """Return the summaries that a list finds now; `key` holds their ARN."""
        return [summary for summary in summaries if not self.misses(summary[key])]
