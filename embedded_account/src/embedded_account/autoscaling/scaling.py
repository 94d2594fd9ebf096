"""Scalable targets and their policies: registered, tracked, and acted on when an alarm of a policy calls."""

import uuid
from threading import RLock
from typing import Any

from botocore.exceptions import ClientError

from embedded_account.account import Account
from embedded_account.autoscaling import steps
from embedded_account.autoscaling.activities import Activities
from embedded_account.autoscaling.dimensions import Dimensions
from embedded_account.autoscaling.errors import not_found, validation_error
from embedded_account.autoscaling.scaler import Scaler
from embedded_account.autoscaling.scheduled import ScheduledActions
from embedded_account.autoscaling.targets import STEPS, TARGET_KEY, TRACKING, Policy, Target
from embedded_account.autoscaling.tracking import TrackedMetric, alarm_requests, tracked_metric
from embedded_account.wiring.refusals import not_carried_out, refuse

_PAGE = 50


class Scaling:
    """Keeps the scalable targets of an account and scales them."""

    def __init__(self, account: Account, activities: Activities | None = None) -> None:
        self._account = account
        self._activities = activities or Activities(account)
        self._dimensions = account.singleton(Dimensions)
        self._scaler = Scaler(account, self._activities)
        self._lock = RLock()
        self._targets: dict[str, Target] = {}
        self.scheduled = ScheduledActions(account, self.set_bounds)
        account.persist_members("scaling", self, "_targets")

    def register(self, params: dict[str, Any]) -> dict[str, Any]:
        """Make or change a target; a capacity outside of the new bounds is corrected at once."""
        refuse(
            "RegisterScalableTarget", params, {"RoleARN", "MinCapacity", "MaxCapacity", "SuspendedState", *TARGET_KEY}
        )
        dimension, resource_id = self._dimensions.of(params), str(params["ResourceId"])
        with self._lock:
            known = self._targets.get(resource_id)
            merged = (known.description if known else {}) | params
            if "MinCapacity" not in merged or "MaxCapacity" not in merged:
                raise validation_error("MinCapacity and MaxCapacity are needed to register a new scalable target")
            if not dimension.least <= merged["MinCapacity"] <= merged["MaxCapacity"]:
                raise validation_error(
                    "Maximum capacity cannot be less than minimum capacity, and the minimum is "
                    f"{dimension.least}: {merged['MinCapacity']} to {merged['MaxCapacity']}"
                )
        dimension.check(resource_id)
        with self._lock:
            target = self._targets.setdefault(resource_id, Target(self._new_target(params)))
            suspended = target.description["SuspendedState"] | params.get("SuspendedState", {})
            target.description |= params | {"SuspendedState": suspended}
        self._account.start_thread(f"bounds of {resource_id}", lambda: self._scaler.keep_within_bounds(target))
        return {"ScalableTargetARN": target.description["ScalableTargetARN"]}

    def deregister(self, params: dict[str, Any]) -> dict[str, Any]:
        """Forget a target; its policies and their alarms go with it."""
        target = self._target(params)
        for name in list(target.policies):
            self.delete_policy({**params, "PolicyName": name})
        self.scheduled.forget(params["ResourceId"])
        with self._lock:
            self._targets.pop(params["ResourceId"], None)
        return {}

    def describe_targets(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with a page of the targets of the resources that are asked for, or of all."""
        wanted = params.get("ResourceIds")
        with self._lock:
            targets = [
                dict(target.description)
                for resource_id, target in self._targets.items()
                if params["ServiceNamespace"] == target.description["ServiceNamespace"]
                and (not wanted or resource_id in wanted)
            ]
        return _paged(targets, params, "ScalableTargets")

    def put_policy(self, params: dict[str, Any]) -> dict[str, Any]:
        """Make or change a policy; the two alarms of one that tracks a target are made in CloudWatch."""
        kind = params.get("PolicyType", STEPS)
        if kind not in _CONFIGS:
            raise not_carried_out(f"PolicyType {kind!r}", f"use {' or '.join(_CONFIGS)}")
        refuse("PutScalingPolicy", params, {"PolicyName", "PolicyType", _CONFIGS[kind], *TARGET_KEY})
        target, config = self._target(params), params.get(_CONFIGS[kind], {})
        metric = None
        if kind == STEPS:
            steps.check(config)
        else:
            metric = self._tracked(target, params["PolicyName"], config)
        with self._lock:
            known = target.policies.get(params["PolicyName"])
            if known and known.kind != kind:
                raise validation_error("Policy type cannot be changed; delete the policy and put another one")
            policy = self._policy(target, params["PolicyName"], config, metric, kind)
        client = self._account.client("cloudwatch")
        for request in alarm_requests(metric, config["TargetValue"], policy.arn, policy.names) if metric else ():
            client.put_metric_alarm(**request)
        return {"PolicyARN": policy.arn, "Alarms": self._alarms(policy)}

    def _tracked(self, target: Target, name: str, config: dict[str, Any]) -> TrackedMetric:
        """Return the metric that a policy of that name would track.

        Raises:
            ServiceError: it tracks none that is carried out, or another policy tracks it.
        """
        if not config.get("TargetValue", 0) > 0:
            raise validation_error("TargetTrackingScalingPolicyConfiguration needs a TargetValue above 0")
        dimension = self._dimensions.of(target.description)
        metric = tracked_metric(config, dimension.predefined(target.resource_id))
        with self._lock:
            if any(one.metric == metric for other, one in target.policies.items() if other != name):
                raise validation_error(
                    "Only one TargetTrackingScaling policy for a given metric specification is allowed."
                )
        return metric

    def delete_policy(self, params: dict[str, Any]) -> dict[str, Any]:
        """Delete a policy with its alarms."""
        target = self._target(params)
        with self._lock:
            policy = target.policies.pop(params["PolicyName"], None)
        if policy is None:
            raise not_found("scaling policy", params, f", policy name: {params['PolicyName']}")
        client = self._account.client("cloudwatch")
        for name in policy.names.values():
            try:
                client.delete_alarms(AlarmNames=[name])
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFound":
                    raise
        return {}

    def describe_policies(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with a page of the policies of a resource, or of all, with their alarms."""
        wanted = params.get("PolicyNames")
        with self._lock:
            policies = [
                self._description(target, policy)
                for target in self._targets.values()
                if target.description["ServiceNamespace"] == params["ServiceNamespace"]
                and target.description["ResourceId"] == params.get("ResourceId", target.description["ResourceId"])
                for policy in target.policies.values()
                if not wanted or policy.name in wanted
            ]
        return _paged(policies, params, "ScalingPolicies")

    def set_bounds(self, resource_id: str, bounds: dict[str, int], cause: str) -> None:
        """Change the bounds of a target as a scheduled action says, and bring its capacity within them."""
        with self._lock:
            target = self._targets.get(resource_id)
            if target is None or target.description["SuspendedState"]["ScheduledScalingSuspended"]:
                return
            target.description |= bounds
        low, high = target.description["MinCapacity"], target.description["MaxCapacity"]
        with target.busy:
            _, current = self._activities.capacity(target.description)
            wanted = min(max(current, low), high)
            if wanted != current:
                self._activities.set_capacity(target.description, wanted, cause)

    def put_scheduled_action(self, params: dict[str, Any]) -> dict[str, Any]:
        """PutScheduledAction, of a target that is registered."""
        self._target(params)
        return self.scheduled.put(params)

    def describe_activities(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with a page of what was scaled, newest first."""
        return _paged(self._activities.of(params), params, "ScalingActivities")

    def on_alarm(self, policy_arn: str, alarm: dict[str, Any]) -> None:
        """Scale as the policy says whose alarm is in state ALARM; called again each minute while it stays so."""
        with self._lock:
            called = [
                (target, policy)
                for target in self._targets.values()
                for policy in target.policies.values()
                if policy.arn == policy_arn
            ]
        for target, policy in called:
            if not target.busy.acquire(blocking=False):
                continue  # a change is under way; the alarm calls again
            try:
                self._scaler.scale(target, policy, alarm)
            finally:
                target.busy.release()

    def _target(self, params: dict[str, Any]) -> Target:
        self._dimensions.of(params)
        with self._lock:
            target = self._targets.get(params["ResourceId"])
        if target is None:
            raise not_found("scalable target", params, "")
        return target

    def _new_target(self, params: dict[str, Any]) -> dict[str, Any]:
        region, account_id = self._account.region, self._account.account_id
        dimension = self._dimensions.of(params)
        role = f"{dimension.namespace}.application-autoscaling.amazonaws.com/{dimension.linked_role}"
        return {key: params[key] for key in TARGET_KEY} | {
            "RoleARN": f"arn:aws:iam::{account_id}:role/aws-service-role/{role}",
            "CreationTime": self._account.clock.now(),
            "ScalableTargetARN": f"arn:aws:application-autoscaling:{region}:{account_id}:scalable-target/"
            f"0ec5{uuid.uuid4().hex}",
            "SuspendedState": {
                "DynamicScalingInSuspended": False,
                "DynamicScalingOutSuspended": False,
                "ScheduledScalingSuspended": False,
            },
        }

    def _policy(
        self, target: Target, name: str, config: dict[str, Any], metric: TrackedMetric | None, kind: str
    ) -> Policy:
        known = target.policies.get(name)
        if known:
            known.config, known.metric = config, metric
            return known
        resource_id = target.description["ResourceId"]
        region, account_id = self._account.region, self._account.account_id
        arn = (
            f"arn:aws:autoscaling:{region}:{account_id}:scalingPolicy:{uuid.uuid4()}:resource/"
            f"{target.description['ServiceNamespace']}/{resource_id}:"
            f"policyName/{name}"
        )
        sides = ("High", "Low") if kind == TRACKING else ()
        names = {side: f"TargetTracking-{resource_id}-Alarm{side}-{uuid.uuid4()}" for side in sides}
        target.policies[name] = Policy(name, arn, config, metric, names, self._account.clock.now(), kind)
        return target.policies[name]

    def _description(self, target: Target, policy: Policy) -> dict[str, Any]:
        return {key: target.description[key] for key in TARGET_KEY} | {
            "PolicyARN": policy.arn,
            "PolicyName": policy.name,
            "PolicyType": policy.kind,
            _CONFIGS[policy.kind]: policy.config,
            "Alarms": self._alarms(policy),
            "CreationTime": policy.created_at,
        }

    def _alarms(self, policy: Policy) -> list[dict[str, str]]:
        """Return the alarms of a policy; those of a step scaling policy are whoever calls it."""
        names = list(policy.names.values())
        if policy.kind == STEPS:
            answer = self._account.client("cloudwatch").describe_alarms(ActionPrefix=policy.arn)
            names = [str(alarm["AlarmName"]) for alarm in answer["MetricAlarms"]]
        prefix = f"arn:aws:cloudwatch:{self._account.region}:{self._account.account_id}:alarm:"
        return [{"AlarmName": name, "AlarmARN": prefix + name} for name in names]


_CONFIGS = {TRACKING: "TargetTrackingScalingPolicyConfiguration", STEPS: "StepScalingPolicyConfiguration"}


def _paged(items: list[dict[str, Any]], params: dict[str, Any], key: str) -> dict[str, Any]:
    start = int(params.get("NextToken") or 0)
    end = start + params.get("MaxResults", _PAGE)
    return {key: items[start:end]} | ({"NextToken": str(end)} if end < len(items) else {})
