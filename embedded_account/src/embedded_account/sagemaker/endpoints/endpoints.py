"""Endpoints: created, updated, resized and deleted, each change on a thread of its own."""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.quotas.quotas import Quotas
from embedded_account.sagemaker.endpoints import async_configs, scalable_targets, serverless
from embedded_account.sagemaker.endpoints.artifacts import ArtifactError, Artifacts
from embedded_account.sagemaker.endpoints.deployment import Deployment, RollBackError, check_canary, plan, resize
from embedded_account.sagemaker.endpoints.endpoint import Endpoint, Green, Variant
from embedded_account.sagemaker.endpoints.endpoint_configs import EndpointConfigs
from embedded_account.sagemaker.endpoints.fleet import Fleet
from embedded_account.sagemaker.endpoints.instance import Launch
from embedded_account.sagemaker.endpoints.rolling import RollingDeployment, check_batch
from embedded_account.sagemaker.endpoints.room import in_use, instances_of, of_update, require_room
from embedded_account.sagemaker.registry.models import Models
from embedded_account.sagemaker.shared.consistency import Consistency
from embedded_account.sagemaker.shared.listing import page, select
from embedded_account.sagemaker.shared.resources import validation_error
from embedded_account.sagemaker.shared.tags import Tags
from embedded_account.wiring.refusals import refuse
from embedded_account.wiring.serving import Operation

_STARTUP_SECONDS = 300.0
_PRODUCTION, _SHADOW = "ProductionVariants", "ShadowProductionVariants"
_LONG = {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "3600"}  # an asynchronous request may take an hour
_RETAINABLE = {"DesiredInstanceCount", "DesiredWeight"}


class Endpoints:
    """Keeps the endpoints of an account."""

    def __init__(self, account: Account, models: Models, configs: EndpointConfigs) -> None:
        self._account = account
        self._tags = account.singleton(Tags)
        self._quotas = account.singleton(Quotas)
        self._consistency = account.singleton(Consistency)
        self._models = models
        self._configs = configs
        self._artifacts = account.singleton(Artifacts)
        self._artifacts.add_user(self._base_folders)
        self._lock = Lock()
        self._endpoints: dict[str, Endpoint] = {}
        account.persist("endpoints", self._dump, self._restore)

    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that this carries out."""
        return {
            "CreateEndpoint": self.create,
            "DescribeEndpoint": self.describe,
            "ListEndpoints": self.list_summaries,
            "UpdateEndpoint": self.update,
            "UpdateEndpointWeightsAndCapacities": self.update_weights_and_capacities,
            "DeleteEndpoint": self.delete,
        }

    def find(self, name: str) -> Endpoint | None:
        """Return the endpoint `name`, or None."""
        return self._endpoints.get(name)

    def all(self) -> list[Endpoint]:
        """Return every endpoint."""
        with self._lock:
            return list(self._endpoints.values())

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        """Begin to bring an endpoint up; it is Creating until every instance answers."""
        refuse("CreateEndpoint", params, {"EndpointName", "EndpointConfigName", "DeploymentConfig", "Tags"})
        config = self._configs.build_on(params["EndpointConfigName"])
        plan(params.get("DeploymentConfig"))
        self._require_room(instances_of(config))
        endpoint = Endpoint(self._account, params["EndpointName"], config["EndpointConfigName"])
        endpoint.deployment_config = params.get("DeploymentConfig")
        with self._lock:
            if endpoint.name in self._endpoints:
                raise validation_error(f'Cannot create already existing endpoint "{endpoint.arn}".')
            self._endpoints[endpoint.name] = endpoint
        self._consistency.made(endpoint.arn)
        self._tags.announce(endpoint.arn, params.get("Tags"))
        self._account.journal.begin("endpoint", endpoint.name)
        endpoint.set_status("Creating")
        self._start(endpoint, lambda: self._bring_up(endpoint, config))
        return {"EndpointArn": endpoint.arn}

    def describe(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with the endpoint as it is now: its status, its variants and what is being done to them."""
        endpoint = self._get(params["EndpointName"])
        if self._consistency.misses(endpoint.arn):
            raise _missing(endpoint)
        return endpoint.describe()

    def list_summaries(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with a page of the endpoints that the filters leave."""
        summaries = self._consistency.listed((endpoint.summary() for endpoint in self.all()), "EndpointArn")
        chosen = select(summaries, params, name_key="EndpointName", status_key="EndpointStatus")
        return page(chosen, params, "Endpoints")

    def update(self, params: dict[str, Any]) -> dict[str, Any]:
        """Begin a blue/green or rolling update; what is retained is what the variants of the same names have now."""
        refuse("UpdateEndpoint", params, _UPDATE_MEMBERS)
        endpoint = self._get(params["EndpointName"])
        config = self._configs.build_on(params["EndpointConfigName"])
        deployment_config = params.get("DeploymentConfig")
        if params.get("RetainDeploymentConfig"):
            deployment_config = endpoint.deployment_config or deployment_config
        made = plan(deployment_config)
        self._check_alarms(made.alarm_names)
        retained = _retained(params)
        scalable_targets.check(self._account, endpoint, config)
        serverless.check_update(endpoint, config)
        for variant in endpoint.variants.values():
            check_batch(made, variant)
        kept = endpoint.variants if "DesiredInstanceCount" in retained else {}
        counts = {name: one.fleet.desired_count for name, one in kept.items()}
        for entry in config["ProductionVariants"]:
            name = entry["VariantName"]
            check_canary(made, name, counts.get(name) or entry.get("InitialInstanceCount", 1))
        self._require_room(of_update(instances_of(config, counts), in_use(endpoint)))
        self._begin(endpoint, "Updating")
        endpoint.deployment_config = deployment_config
        self._start(endpoint, lambda: self._update(endpoint, config, made, retained))
        return {"EndpointArn": endpoint.arn}

    def update_weights_and_capacities(self, params: dict[str, Any]) -> dict[str, Any]:
        """Begin to change the weights and instance counts of variants; no request fails meanwhile."""
        endpoint = self._get(params["EndpointName"])
        changes = params["DesiredWeightsAndCapacities"]
        unknown = [change["VariantName"] for change in changes if change["VariantName"] not in endpoint.hosted]
        for change in changes:
            refuse("DesiredWeightsAndCapacities", change, {"VariantName", "DesiredWeight", "DesiredInstanceCount"})
        serverless.check_capacities(endpoint, changes)
        if unknown and endpoint.status == "InService":
            raise validation_error(f'Could not find variant(s) "{unknown}" of endpoint "{endpoint.arn}".')
        self._require_room(_added(endpoint, changes))
        self._begin(endpoint, "Updating")
        self._start(endpoint, lambda: self._change(endpoint, changes))
        return {"EndpointArn": endpoint.arn}

    def _require_room(self, wanted: Mapping[str, int]) -> None:
        """Refuse more instances than the quotas allow; an endpoint that comes up has those of its configuration."""
        endpoints = self.all()
        used = [in_use(one) if one.variants else instances_of(self._configs.get(one.config_name)) for one in endpoints]
        require_room(self._quotas, used, wanted)

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """Begin to delete an endpoint; its variants are deregistered from autoscaling too, as on AWS."""
        endpoint = self._get(params["EndpointName"])
        if not endpoint.begin("Deleting", {"InService", "Failed", "OutOfService"}):
            raise validation_error(f'Cannot update in-progress endpoint "{endpoint.arn}".')
        self._start(endpoint, lambda: self._tear_down(endpoint))
        return {}

    def check_instances(self) -> None:
        """Replace what has died, in every endpoint."""
        for endpoint in self.all():
            for fleet in endpoint.fleets():
                fleet.check()

    def _dump(self) -> list[dict[str, Any]]:
        """Return what brings the endpoints up again."""
        return [
            {
                "Name": endpoint.name,
                "Config": self._configs.get(endpoint.config_name),
                "DeploymentConfig": endpoint.deployment_config,
                "Weights": {name: one.weight for name, one in endpoint.hosted.items()},
                "Counts": {name: one.fleet.desired_count for name, one in endpoint.hosted.items()},
                "FailureReason": endpoint.failure_reason if endpoint.status == "Failed" else "",
                "CreatedAt": endpoint.created_at,
            }
            for endpoint in self.all()
            if endpoint.status != "Deleting"
        ]

    def _restore(self, kept: list[dict[str, Any]]) -> None:
        """Bring endpoints up as they were; each is Updating until its instances answer."""
        for one in kept:
            endpoint = Endpoint(self._account, one["Name"], one["Config"]["EndpointConfigName"])
            endpoint.deployment_config, endpoint.created_at = one["DeploymentConfig"], one["CreatedAt"]
            self._endpoints[endpoint.name] = endpoint
            self._account.journal.begin("endpoint", endpoint.name)
            if one["FailureReason"]:
                endpoint.status, endpoint.failure_reason = "Failed", one["FailureReason"]
                continue
            endpoint.status = "Updating" if one["Counts"] else "Creating"
            self._account.after_restore.append(partial(self._start_again, endpoint, one))

    def _start_again(self, endpoint: Endpoint, kept: dict[str, Any]) -> None:
        config = kept["Config"] | {
            kind: [_as_kept(entry, kept) for entry in kept["Config"].get(kind, [])] for kind in (_PRODUCTION, _SHADOW)
        }
        self._start(endpoint, lambda: self._bring_up(endpoint, config))

    def _get(self, name: str) -> Endpoint:
        endpoint = self._endpoints.get(name)
        if endpoint is None:
            raise _missing(Endpoint(self._account, name, ""))
        return endpoint

    def _begin(self, endpoint: Endpoint, status: str) -> None:
        if endpoint.begin(status, {"InService"}):
            return
        if endpoint.status == "Failed":
            raise validation_error(f'Cannot update endpoint "{endpoint.arn}" with status "Failed"; delete it.')
        raise validation_error(f'Cannot update in-progress endpoint "{endpoint.arn}".')

    def _start(self, endpoint: Endpoint, change: Any) -> None:
        """Run `change` on a thread; what nobody foresaw ends the endpoint in Failed rather than in progress forever."""

        def run() -> None:
            try:
                change()
            except Exception as error:
                if self._account.stopping.is_set():
                    return
                if endpoint.status not in {"InService", "Failed"}:
                    endpoint.set_status("Failed", f"Request to service failed. {type(error).__name__}: {error}")
                raise

        self._account.start_thread(f"endpoint {endpoint.name}", run)

    def _bring_up(self, endpoint: Endpoint, config: dict[str, Any]) -> None:
        variants: dict[str, Variant] = {}
        shadows: dict[str, Variant] = {}
        try:
            variants = self._variants(endpoint, config)
            shadows = self._variants(endpoint, config, _SHADOW)
            for variant in (variants | shadows).values():
                resize(variant, variant.initial_count)
        except RollBackError as reason:
            for variant in (variants | shadows).values():
                variant.fleet.close(0)
            endpoint.set_status("Failed", str(reason))
            return
        endpoint.variants, endpoint.shadows = variants, shadows
        endpoint.set_status("InService")

    def _update(self, endpoint: Endpoint, config: dict[str, Any], made: Any, retained: set[str]) -> None:
        try:
            green = Green(
                config["EndpointConfigName"],
                self._variants(endpoint, config),
                self._account.clock.now(),
                self._variants(endpoint, config, _SHADOW),
            )
        except RollBackError as reason:
            endpoint.set_status("RollingBack", str(reason))
            endpoint.set_status("InService", str(reason))
            return
        counts = {}
        for name, variant in green.variants.items():
            before = endpoint.variants.get(name)
            if before and "DesiredWeight" in retained:
                variant.weight = before.weight
            keeps_count = before and "DesiredInstanceCount" in retained
            counts[name] = before.fleet.desired_count if before and keeps_count else variant.initial_count
        endpoint.green = green
        kind = RollingDeployment if made.kind == "ROLLING" else Deployment
        kind(self._account, endpoint, green, made).run(counts)
        self._artifacts.prune()

    def _change(self, endpoint: Endpoint, changes: list[dict[str, Any]]) -> None:
        reason = ""
        for change in changes:
            variant = endpoint.hosted[change["VariantName"]]
            variant.weight = change.get("DesiredWeight", variant.weight)
            before = variant.fleet.desired_count
            count = change.get("DesiredInstanceCount", before)
            if count != before:
                way = "out" if count > before else "in"
                endpoint.tell_deployment(
                    {variant.name: variant}, "Updating", f"Scaling {way} desired instance count to {count}."
                )
            try:
                resize(variant, count)
            except RollBackError as error:
                reason = str(error)
        endpoint.tell_deployment(endpoint.variants, "", "")
        endpoint.set_status("InService", reason)

    def _tear_down(self, endpoint: Endpoint) -> None:
        scalable_targets.deregister(self._account, endpoint)
        for fleet in endpoint.fleets():
            fleet.close()
        with self._lock:
            self._endpoints.pop(endpoint.name, None)
        self._tags.forget(endpoint.arn)
        self._account.journal.end("endpoint", endpoint.name)
        self._artifacts.prune()

    def _base_folders(self) -> list[Path]:
        return [fleet.launch.base_folder for endpoint in self.all() for fleet in endpoint.fleets()]

    def _variants(self, endpoint: Endpoint, config: dict[str, Any], kind: str = _PRODUCTION) -> dict[str, Variant]:
        """Return the variants of `config` with their model data in place and no instance yet."""
        variants = {}
        for entry in config.get(kind, ()):
            try:
                model = self._models.get(entry["ModelName"])
                container = self._models.container(entry["ModelName"])
                base_folder = self._artifacts.base_folder(container["ModelDataUrl"], model["ExecutionRoleArn"])
            except ArtifactError as error:
                raise RollBackError(str(error)) from error
            except Exception as error:  # a model deleted meanwhile is a reason like any other
                raise RollBackError(f"production variant {entry['VariantName']!r}: {error}") from error
            asynchronous = config.get("AsyncInferenceConfig")
            launch = Launch(
                endpoint.name,
                entry["VariantName"],
                base_folder,
                (_LONG if asynchronous else {}) | container.get("Environment", {}),
                model["ExecutionRoleArn"],
                entry.get("ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_SECONDS),
                entry.get("InstanceType", ""),
                max_concurrent=async_configs.max_concurrent(asynchronous) if asynchronous else 0,
            )
            fleet = self._fleet(launch, entry)
            weight = entry["InitialVariantWeight"]
            captured = config.get("DataCaptureConfig")
            variants[entry["VariantName"]] = Variant(
                entry, fleet, container["Image"], model["ExecutionRoleArn"], weight, captured, asynchronous
            )
        return variants

    def _fleet(self, launch: Launch, entry: dict[str, Any]) -> Fleet:
        if "ServerlessConfig" in entry:
            return serverless.ServerlessFleet(self._account, launch, entry["ServerlessConfig"])
        return Fleet(self._account, launch)

    def _check_alarms(self, names: tuple[str, ...]) -> None:
        if not names:
            return
        alarms = self._account.client("cloudwatch").describe_alarms(AlarmNames=list(names))["MetricAlarms"]
        missing = sorted(set(names) - {alarm["AlarmName"] for alarm in alarms})
        if missing:
            raise validation_error(f"auto-rollback alarms {missing} do not exist; create them first")


_UPDATE_MEMBERS = (
    "EndpointName",
    "EndpointConfigName",
    "RetainAllVariantProperties",
    "ExcludeRetainedVariantProperties",
    "DeploymentConfig",
    "RetainDeploymentConfig",
)


def _as_kept(entry: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """Return a variant of a configuration with the weight and the count that it had when the account ended."""
    name = entry["VariantName"]
    weight = {"InitialVariantWeight": kept["Weights"].get(name, entry["InitialVariantWeight"])}
    if "ServerlessConfig" in entry:
        return entry | weight
    return entry | weight | {"InitialInstanceCount": kept["Counts"].get(name, entry["InitialInstanceCount"])}


def _missing(endpoint: Endpoint) -> ServiceError:
    return validation_error(f'Could not find endpoint "{endpoint.arn}".')


def _retained(params: dict[str, Any]) -> set[str]:
    if not params.get("RetainAllVariantProperties"):
        return set()
    excluded = {entry["VariantPropertyType"] for entry in params.get("ExcludeRetainedVariantProperties", [])}
    return _RETAINABLE - excluded


def _added(endpoint: Endpoint, changes: list[dict[str, Any]]) -> Counter[str]:
    """Return how many instances of each type the changes of capacity add."""
    added = Counter[str]()
    for change in changes:
        variant = endpoint.hosted.get(change["VariantName"])
        if variant and "DesiredInstanceCount" in change:
            more = change["DesiredInstanceCount"] - variant.fleet.desired_count
            added[variant.config["InstanceType"]] += max(0, more)
    return added
