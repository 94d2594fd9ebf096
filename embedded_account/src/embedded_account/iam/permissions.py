"""Whether a request may be carried out: the one place that every service of the account asks."""

import logging
from collections.abc import Mapping

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.iam import moto_delays
from embedded_account.iam.actions.rules import Need
from embedded_account.iam.callers import Callers, request_context
from embedded_account.iam.context import Value
from embedded_account.iam.documents import Policy
from embedded_account.iam.errors import MalformedPolicyError
from embedded_account.iam.evaluation import Decision, Policies, Request, evaluate
from embedded_account.iam.recording import Recorder
from embedded_account.iam.resources import ResourcePolicies
from embedded_account.identity import Principal

logger = logging.getLogger("embedded_account.iam")

_ASSUME = "sts:AssumeRole"
_CODES = {"sns": "AuthorizationError"} | dict.fromkeys(
    ("s3", "iam", "sts", "sqs", "cloudformation", "cloudwatch"), "AccessDenied"
)
_NO_RESOURCE_POLICY = frozenset({"iam:PassRole"})
# What root may do whatever the resource's policy says, so that nobody locks themselves out for good.
# Source: IAM user guide, "Tasks that require root user credentials"; S3 user guide, "Bucket policies".
_ROOT_ALWAYS_MAY = frozenset(
    {
        "s3:GetBucketPolicy",
        "s3:PutBucketPolicy",
        "s3:DeleteBucketPolicy",
        "sqs:GetQueueAttributes",
        "sqs:SetQueueAttributes",
    }
)


class Permissions:
    """Decides by the policies of caller and resource, and records what it decided when the account is told to."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._callers = Callers(account)
        self._resources = ResourcePolicies(account)
        self.recorder = Recorder.of(account)

    def require(self, principal: Principal, need: Need, service: str) -> None:
        """Return when `principal` is allowed what `need` says.

        Raises:
            ServiceError: it is not; the error is AWS's for `service` (boto3's name).
        """
        decision = self.decide(principal, need)
        if not decision.is_allowed:
            raise ServiceError(_CODES.get(service, "AccessDeniedException"), refusal(principal, need, decision))

    def require_of_role(
        self, role_arn: str, session_name: str, action: str, resource: str, context: Mapping[str, Value] | None = None
    ) -> None:
        """Return when a session of `role_arn` is allowed `action`, which a service does for it within the account.

        Raises:
            PermissionError: it is not; the message is AWS's.
        """
        principal, need = Principal(role_arn, session_name), Need(action, resource, context or {})
        decision = self.decide(principal, need)
        if not decision.is_allowed:
            raise PermissionError(refusal(principal, need, decision))

    def decide(self, principal: Principal, need: Need) -> Decision:
        """Return the decision on one action on one resource."""
        if principal.is_root and need.action in _ROOT_ALWAYS_MAY:
            return Decision(True)
        try:
            policy = None if need.action in _NO_RESOURCE_POLICY else self._resources.policy(need.resource)
        except MalformedPolicyError as error:
            return Decision(False, f"because {error}")
        if principal.is_root and policy is None:
            return Decision(True)
        self._note_use(principal)
        request = self._request(principal, need)
        decision = evaluate(request, self._policies(principal, policy))
        self.recorder.note(request, decision)
        return decision

    def would_allow(self, principal: Principal, need: Need, policy: Policy) -> bool:
        """Return whether `need` would be allowed if `policy` were the resource's own."""
        return evaluate(self._request(principal, need), self._policies(principal, policy)).is_allowed

    def _note_use(self, principal: Principal) -> None:
        """Remember when a role was used last, which GetRole tells; a refused request is a use too."""
        role = self._callers.role(principal.role_arn) if principal.role_arn else None
        if role is not None:
            role.last_used, role.last_used_region = self._account.clock.now(), self._account.region

    def require_assumption(self, role_arn: str, service: str, source_arn: str) -> None:
        """Return when the trust policy of `role_arn` lets `service` assume it for the resource `source_arn`.

        Raises:
            ServiceError: it does not, or there is no such role.
        """
        decision = self.decide_assumption(Principal("", "", service, source_arn), role_arn)
        if not decision.is_allowed:
            raise ServiceError(
                "AccessDeniedException",
                f"{service} is not authorized to perform: {_ASSUME} on resource: {role_arn} {decision.reason}; "
                "let its trust policy name the service",
            )

    def decide_assumption(
        self, principal: Principal, role_arn: str, context: Mapping[str, Value] | None = None
    ) -> Decision:
        """Return whether the role's trust policy, with the caller's own where it defers to them, lets it be assumed."""
        if self._callers.role(role_arn) is None or moto_delays.remaining_seconds(self._account, role_arn):
            return Decision(False, "because there is no such role")
        try:
            policy = self._resources.policy(role_arn)
        except MalformedPolicyError as error:
            return Decision(False, f"because {error}")
        request = self._request(principal, Need(_ASSUME, role_arn, context or {}))
        decision = evaluate(request, self._policies(principal, policy), resource_policy_decides=True)
        self.recorder.note(request, decision)
        return decision

    def _request(self, principal: Principal, need: Need) -> Request:
        context = request_context(self._account, need.resource, self._callers.context(principal), dict(need.context))
        return Request(principal, need.action, need.resource, context)

    def _policies(self, principal: Principal, resource: Policy | None) -> Policies:
        return Policies(
            identity=self._callers.identity_policies(principal),
            boundary=self._callers.boundary(principal),
            session=Policy.parse(principal.session_policy) if principal.session_policy else None,
            resource=resource,
        )


def refusal(principal: Principal, need: Need, decision: Decision) -> str:
    """Return AWS's sentence. Source: IAM user guide, "Troubleshoot access denied error messages"."""
    denied = f"User: {principal.arn} is not authorized to perform: {need.action} on resource: {need.resource}"
    return f"{denied} {decision.reason}"
