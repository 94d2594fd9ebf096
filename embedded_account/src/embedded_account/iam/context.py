"""What is known of a request beside its action and resource: the values of condition keys."""

from collections.abc import Callable, Mapping, Sequence

Value = str | Sequence[str]


class Context:
    """Values by condition key, in any case; those that cost time to find are found when a policy asks for them."""

    def __init__(
        self, values: Mapping[str, Value], *lookups: Callable[[str], Value | None], lowered: bool = False
    ) -> None:
        self._values = dict(values) if lowered else {key.lower(): value for key, value in values.items()}
        self._lookups = lookups
        self._looked_up: dict[str, Value] = {}

    def values(self, key: str) -> Sequence[str] | None:
        """Return the values of `key`; None when the request has none."""
        name = key.lower()
        value = self._values.get(name, self._looked_up.get(name))
        if value is None:
            value = next((candidate for look in self._lookups if (candidate := look(name)) is not None), None)
            if value is not None:
                self._looked_up[name] = value
        return [value] if isinstance(value, str) else value

    def with_values(self, values: Mapping[str, Value]) -> "Context":
        """Return this context with `values` beside, or in place of, its own."""
        if not values:
            return self
        added = {key.lower(): value for key, value in values.items()}
        return Context(self._values | added, *self._lookups, lowered=True)

    def known(self) -> dict[str, Value]:
        """Return what is known without looking anything up now: what was given, and what a policy has asked for."""
        return self._values | self._looked_up
