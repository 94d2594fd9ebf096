"""What is known of the endpoint: what executions made for it, whose model serves, and autoscaling taken away."""

import time
from dataclasses import dataclass, field
from typing import Any

from handlers.ledger.rows import Ledger, Row, now


@dataclass(frozen=True)
class Deployment(Row):
    """A model and endpoint config, which bear the execution's name: noted before they exist, until they are deleted.

    The config in which the model is a shadow bears another, and says whose it is.
    """

    PREFIX = "deployment#"

    config_name: str
    noted_at: int = 0
    previous_config_name: str = ""
    shadow_of: str = ""  # the execution, where the config is one with its model as a shadow

    @property
    def execution_name(self) -> str:
        """Return the execution that made the config."""
        return self.shadow_of or self.config_name

    @classmethod
    def note(cls, ledger: Ledger, execution_name: str) -> None:
        """Write down that an execution is about to create its model and endpoint config."""
        cls(execution_name).change(ledger, {"config_name": execution_name, "noted_at": int(time.time())})

    @classmethod
    def note_shadow(cls, ledger: Ledger, config_name: str, execution_name: str) -> None:
        """Write down that an execution is about to create the endpoint config with its model as a shadow."""
        noted = {"config_name": config_name, "noted_at": int(time.time()), "shadow_of": execution_name}
        cls(config_name).change(ledger, noted)

    @classmethod
    def remember_previous(cls, ledger: Ledger, execution_name: str, previous_config_name: str) -> None:
        """Keep the config that served before this execution's, for a retried state that can no longer see it."""
        cls(execution_name).change(ledger, {"previous_config_name": previous_config_name})

    @classmethod
    def before_shadow(cls, ledger: Ledger, config_name: str) -> str:
        """Return the config that served before a config with a shadow, and still does beside it; else the config."""
        made = cls.get(ledger, config_name)
        return made.previous_config_name or config_name if made and made.shadow_of else config_name

    def forget(self, ledger: Ledger) -> None:
        ledger.table.delete(self.key)


@dataclass(frozen=True)
class Serving(Row):
    """The execution whose model was checked and serves, so that its dataset alone needs no new run."""

    PREFIX = "serving#"

    endpoint_name: str
    execution_name: str = ""
    since: str = ""

    @classmethod
    def note(cls, ledger: Ledger, endpoint_name: str, execution_name: str) -> None:
        ledger.table.put(cls(endpoint_name, execution_name, now()).item())


@dataclass(frozen=True)
class Scaling(Row):
    """The scalable target, policies and scheduled actions that were taken away, in the words of their own requests."""

    PREFIX = "scaling#"

    endpoint_name: str
    target: dict[str, Any] = field(default_factory=dict)
    policies: list[dict[str, Any]] = field(default_factory=list)
    scheduled_actions: list[dict[str, Any]] = field(default_factory=list)

    def keep(self, ledger: Ledger) -> None:
        ledger.table.put(self.item())

    def forget(self, ledger: Ledger) -> None:
        ledger.table.delete(self.key)
