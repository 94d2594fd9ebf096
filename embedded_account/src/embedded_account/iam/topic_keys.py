"""Whether a publisher may use the key of the topic that it publishes to.

SNS asks KMS in the publisher's name, so the publisher's policies and the key's decide.

Source: SNS developer guide, "Managing Amazon SNS encryption keys and costs"; KMS developer guide, "AWS managed keys",
and "AWS KMS condition keys".
"""

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.iam.actions.rules import Need
from embedded_account.iam.key_contexts import key_context
from embedded_account.iam.permissions import Permissions, refusal
from embedded_account.identity import Principal
from embedded_account.kms.keys import Key, Keys

_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")
_MANAGED = "alias/aws/sns"
# SNS's error for a key in each state but Enabled.
_STATES = {"Disabled": "KMSDisabled", "PendingDeletion": "KMSInvalidState"}


class TopicKeys:
    """Asks for the keys of topics."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._keys = account.singleton(Keys)
        self._permissions = account.singleton(Permissions)

    def require(self, publisher: Principal, topic_arn: str) -> None:
        """Return when the topic has no key, or when `publisher` may use it.

        Raises:
            ServiceError: one of SNS's KMS errors.
        """
        name = self._name(topic_arn)
        if not name:
            return
        if name.endswith(_MANAGED):
            self._require_managed(publisher)
            return
        key = self._usable(name)
        context = key_context(self._account, "sns", "aws:sns:topicArn", topic_arn)
        for action in _ACTIONS:
            need = Need(action, key.arn, context)
            decision = self._permissions.decide(publisher, need)
            if not decision.is_allowed:
                raise ServiceError("KMSAccessDenied", refusal(publisher, need, decision))

    def _name(self, topic_arn: str) -> str:
        from moto.sns.models import sns_backends

        topic = sns_backends[self._account.account_id][self._account.region].topics.get(topic_arn)
        return str(topic.kms_master_key_id or "") if topic else ""

    def _usable(self, name: str) -> Key:
        key = self._keys.find(name)
        if key is None:
            raise ServiceError("KMSNotFound", f"Key {name!r} does not exist; keys are known by id and ARN here")
        if key.state in _STATES:
            raise ServiceError(_STATES[key.state], f"{key.arn} is in the state {key.state}")
        return key

    def _require_managed(self, publisher: Principal) -> None:
        """AWS's own key for SNS may be used by the account's identities, and by no service."""
        if publisher.service and not publisher.role_arn:
            raise ServiceError("KMSAccessDenied", f"{publisher.service} may not use {_MANAGED}; take a key of your own")
