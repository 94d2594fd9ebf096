"""One endpoint: its status, its variants, and which instance takes the next request."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from embedded_account.account import Account
from embedded_account.sagemaker.endpoints.fleet import Fleet, NoInstanceError
from embedded_account.sagemaker.endpoints.instance import EndpointInstance
from embedded_account.sagemaker.shared.resources import arn
from embedded_account.sagemaker.shared.state_events import with_millis
from embedded_account.sagemaker.shared.tags import Tags

_EVENT = "SageMaker Endpoint State Change"
_DEPLOYMENT_EVENT = "SageMaker Endpoint Deployment State Change"


@dataclass
class Variant:
    """A production variant as it runs. `config` is its entry in the endpoint configuration."""

    config: dict[str, Any]
    fleet: Fleet
    image: str
    role_arn: str
    weight: float
    capture: dict[str, Any] | None = None  # the DataCaptureConfig, where capture is on
    asynchronous: dict[str, Any] | None = None  # the AsyncInferenceConfig
    status: dict[str, Any] | None = None  # what is being done to it: Status, StatusMessage, StartTime

    @property
    def name(self) -> str:
        """Return the variant's name."""
        return str(self.config["VariantName"])

    @property
    def initial_count(self) -> int:
        """Return how many instances the configuration starts it with; of a serverless one, those provisioned."""
        if "ServerlessConfig" in self.config:
            return int(self.config["ServerlessConfig"].get("ProvisionedConcurrency", 0))
        return int(self.config["InitialInstanceCount"])


@dataclass
class Green:
    """The fleet that an update brings up, and the share of the requests that it already takes, 0..1."""

    config_name: str
    variants: dict[str, Variant]
    started_at: Any
    shadows: dict[str, Variant] = field(default_factory=dict)
    share: float = 0.0


class Endpoint:
    """An endpoint and the fleets behind it; thread-safe."""

    def __init__(self, account: Account, name: str, config_name: str) -> None:
        self.account = account
        self.name = name
        self.arn = arn(account, "endpoint", name.lower())
        self.config_name = config_name
        self.status = "Creating"
        self.failure_reason = ""
        self.variants: dict[str, Variant] = {}
        self.shadows: dict[str, Variant] = {}
        self.green: Green | None = None
        self.deployment_config: dict[str, Any] | None = None
        self.created_at = self.modified_at = account.clock.now()
        self._lock = RLock()

    @property
    def hosted(self) -> dict[str, Variant]:
        """Return the variants that instances run for, production and shadow."""
        return self.variants | self.shadows

    @property
    def asynchronous(self) -> dict[str, Any] | None:
        """Return the AsyncInferenceConfig of what serves now; None where requests are answered at once."""
        return next((variant.asynchronous for variant in self.variants.values()), None)

    def set_status(self, status: str, failure_reason: str = "") -> None:
        """Change the status, and tell EventBridge."""
        with self._lock:
            self.status, self.failure_reason = status, failure_reason
            self.modified_at = self.account.clock.now()
            detail = self._event_detail()
        self.account.put_event("aws.sagemaker", _EVENT, detail, [self.arn])

    def tell_deployment(self, variants: Mapping[str, Variant], status: str, message: str) -> None:
        """Note what is being done to `variants`, a message for each by `{count}` of its instances; tell EventBridge.

        Source: SageMaker developer guide, "Endpoint deployment state change".
        """
        with self._lock:
            for variant in variants.values():
                text = message.format(count=variant.fleet.desired_count)
                now = self.account.clock.now()
                variant.status = {"Status": status, "StatusMessage": text, "StartTime": now} if status else None
            detail = self._event_detail(with_deployment=True)
        if status:
            self.account.put_event("aws.sagemaker", _DEPLOYMENT_EVENT, detail, [self.arn])

    def begin(self, status: str, allowed: set[str]) -> bool:
        """Change to `status` if the present one is among `allowed`; return whether it was."""
        with self._lock:
            if self.status not in allowed:
                return False
            self.set_status(status)
            return True

    def acquire(self, target_variant: str = "") -> tuple[Variant, EndpointInstance]:
        """Return the variant and the instance that take the next request; `Variant.fleet.release` the instance.

        Raises:
            KeyError: `target_variant` is no variant of this endpoint.
            NoInstanceError: none can take it now.
        """
        with self._lock:
            variant = self.variants[target_variant] if target_variant else self._by_weight()
            green = self.green
            candidates = [variant]
            if green and green.share > 0 and variant.name in green.variants:
                is_first = random.random() < green.share  # noqa: S311 (routing)
                candidates.insert(0 if is_first else 1, green.variants[variant.name])
        saturated = False
        for candidate in candidates:
            try:
                return candidate, candidate.fleet.acquire()
            except NoInstanceError as error:
                saturated = saturated or error.saturated
        raise NoInstanceError(saturated=saturated)

    def promote(self, green: Green) -> dict[str, Variant]:
        """Make `green` what serves; return the variants that served before, the shadow variants among them."""
        with self._lock:
            blue = self.hosted
            self.variants, self.shadows = green.variants, green.shadows
            self.config_name, self.green = green.config_name, None
            return blue

    def withdraw(self) -> Green | None:
        """Send no more requests to the green fleet; return it."""
        with self._lock:
            green, self.green = self.green, None
            return green

    def fleets(self) -> list[Fleet]:
        """Return every fleet that serves, blue and green."""
        with self._lock:
            return [variant.fleet for variants in self._all_variants() for variant in variants.values()]

    def describe(self) -> dict[str, Any]:
        """Return what DescribeEndpoint answers."""
        with self._lock:
            answer = self.summary() | {"EndpointConfigName": self.config_name}
            if self.variants:
                answer["ProductionVariants"] = [_summary(variant) for variant in self.variants.values()]
            if self.shadows:
                answer["ShadowProductionVariants"] = [_summary(variant) for variant in self.shadows.values()]
            captured = next((variant.capture for variant in self.variants.values() if variant.capture), None)
            if captured:
                answer["DataCaptureConfig"] = _capture_summary(captured)
            if self.asynchronous:
                answer["AsyncInferenceConfig"] = self.asynchronous
            if self.failure_reason:
                answer["FailureReason"] = self.failure_reason
            if self.deployment_config:
                answer["LastDeploymentConfig"] = self.deployment_config
            if self.green:
                answer["PendingDeploymentSummary"] = _pending(self.green)
            return answer

    def summary(self) -> dict[str, Any]:
        """Return the entry of ListEndpoints."""
        return {
            "EndpointName": self.name,
            "EndpointArn": self.arn,
            "CreationTime": self.created_at,
            "LastModifiedTime": self.modified_at,
            "EndpointStatus": self.status,
        }

    def _all_variants(self) -> list[dict[str, Variant]]:
        pending = [self.green.variants, self.green.shadows] if self.green else []
        return [self.variants, self.shadows, *pending]

    def _by_weight(self) -> Variant:
        variants = list(self.variants.values())
        weights = [variant.weight for variant in variants]
        if not variants or not sum(weights):
            raise NoInstanceError(saturated=False)
        return variants[0] if len(variants) == 1 else random.choices(variants, weights)[0]  # noqa: S311 (routing)

    def _event_detail(self, *, with_deployment: bool = False) -> dict[str, Any]:
        detail = self.describe()
        detail.pop("LastDeploymentConfig", None)
        if not with_deployment:
            detail.pop("PendingDeploymentSummary", None)
        detail["EndpointStatus"] = _upper_snake(self.status)
        pending = detail.get("PendingDeploymentSummary", {})
        for kind in ("ProductionVariants", "ShadowProductionVariants"):
            for variant in (*detail.get(kind, []), *pending.get(kind, [])):
                variant.pop("DeployedImages")
        told: dict[str, Any] = with_millis(detail)
        return told | {"Tags": self.account.singleton(Tags).of(self.arn)}


def _summary(variant: Variant) -> dict[str, Any]:
    return {
        "VariantName": variant.name,
        "DeployedImages": [{"SpecifiedImage": variant.image, "ResolvedImage": variant.image}],
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.weight,
        **_capacity(variant),
    } | ({"VariantStatus": [dict(variant.status)]} if variant.status else {})


def _capacity(variant: Variant) -> dict[str, Any]:
    if "ServerlessConfig" in variant.config:
        return {"CurrentInstanceCount": 0, "CurrentServerlessConfig": dict(variant.config["ServerlessConfig"])}
    counts = {"Current": variant.fleet.current_count, "Desired": variant.fleet.desired_count}
    return {f"{when}InstanceCount": count for when, count in counts.items()}


def _pending(green: Green) -> dict[str, Any]:
    copies = [_summary(variant) for variant in green.shadows.values()]
    return {
        "EndpointConfigName": green.config_name,
        "StartTime": green.started_at,
        "ProductionVariants": [_summary(variant) for variant in green.variants.values()],
    } | ({"ShadowProductionVariants": copies} if copies else {})


def _capture_summary(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the DataCaptureConfig that DescribeEndpoint answers."""
    return {
        "EnableCapture": config.get("EnableCapture", True),
        "CaptureStatus": "Started" if config.get("EnableCapture", True) else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": "",
    }


def _upper_snake(status: str) -> str:
    """Return InService as IN_SERVICE, which is how the events spell a status."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", status).upper()
