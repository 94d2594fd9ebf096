"""The AWS/Lambda metrics: gathered in memory, sent on once a second, so that an invocation does not wait for them."""

from collections import Counter
from threading import Lock

from embedded_account.account import Account

_NAMESPACE = "AWS/Lambda"
_UNITS = {"Duration": "Milliseconds", "AsyncEventAge": "Milliseconds"}
_FLUSH_SECONDS = 1.0

_Dimensions = tuple[tuple[str, str], ...]


class Metrics:
    """Samples that wait to be sent on."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = Lock()
        self._samples: Counter[tuple[str, float, _Dimensions]] = Counter()
        account.start_thread("lambda metrics", self._run)

    def add(self, function_name: str, qualifier: str, **values: float) -> None:
        """Add one sample a metric; an invocation through an alias or version counts under that as well."""
        by_function: _Dimensions = (("FunctionName", function_name),)
        dimensions = [by_function]
        if qualifier:
            dimensions.append((*by_function, ("Resource", f"{function_name}:{qualifier}")))
        with self._lock:
            for name, value in values.items():
                for one in dimensions:
                    self._samples[name, value, one] += 1

    def add_of_account(self, **values: float) -> None:
        """Add one sample a metric that belongs to no single function."""
        with self._lock:
            for name, value in values.items():
                self._samples[name, value, ()] += 1

    def flush(self) -> None:
        """Send on what has come together."""
        with self._lock:
            samples, self._samples = self._samples, Counter()
        for (name, value, dimensions), count in samples.items():
            self._account.put_metric(_NAMESPACE, name, value, _UNITS.get(name, "Count"), dict(dimensions), count=count)

    def _run(self) -> None:
        while not self._account.stopping.wait(_FLUSH_SECONDS):
            self.flush()
