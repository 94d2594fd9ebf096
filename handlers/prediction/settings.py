"""What template.yaml tells the prediction function, and what one call may use of it."""

import time
from dataclasses import dataclass

from handlers.contract.settings import FromEnv, names, number, text
from handlers.prediction.classification import Limits
from handlers.prediction.endpoint_client import CONNECT_SECONDS, TRIES
from handlers.prediction.s3_image import Readable
from handlers.prediction.urls import Fetchable

RESERVE_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class PredictSettings(FromEnv):
    """The function's own environment variables; what each means stands at the parameter of the same name."""

    bucket_name: str = text()
    endpoint_name: str = text()
    standby_function_name: str = text(default="")
    cors_allowed_origin: str = text(default="")
    fetch_allowed_origins: tuple[str, ...] = names(default=())
    fetch_allowed_ports: tuple[str, ...] = names(default=("443",))
    allowed_buckets: tuple[str, ...] = names(default=())
    predict_prefix: str = text()
    max_image_bytes: int = number(1, 6_000_000)
    fetch_deadline_seconds: float = number(0.1, 60)
    endpoint_read_timeout_seconds: float = number(0.1, 60)

    @property
    def endpoint_seconds(self) -> float:
        """The longest that the endpoint, with its second try, may take."""
        return TRIES * CONNECT_SECONDS + self.endpoint_read_timeout_seconds

    def limits(self, remaining_seconds: float) -> Limits:
        """Return the limits of a call that has so long before Lambda ends it: an answer always comes first."""
        now = time.monotonic()
        left = max(0.1, remaining_seconds - RESERVE_SECONDS)
        fetch_seconds = max(0.1, min(self.fetch_deadline_seconds, left - self.endpoint_seconds))
        return Limits(
            max_image_bytes=self.max_image_bytes,
            fetch_until=now + fetch_seconds,
            until=now + min(left, fetch_seconds + self.endpoint_seconds),
            fetchable=Fetchable(
                origins=frozenset(origin.lower().rstrip("/") for origin in self.fetch_allowed_origins),
                ports=frozenset(map(int, self.fetch_allowed_ports)),
            ),
            readable=Readable(self.bucket_name, self.predict_prefix, frozenset(self.allowed_buckets)),
        )
