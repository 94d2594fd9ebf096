"""AWS::SNS::Topic, AWS::SNS::TopicPolicy and AWS::SNS::Subscription."""

import json
from typing import Any, ClassVar

from embedded_account.cloudformation.resources.kinds import (
    boolean,
    document,
    list_of,
    policy,
    strings,
    struct,
    tags,
    text,
)
from embedded_account.cloudformation.resources.resource import (
    Call,
    Properties,
    ResourceType,
    picked,
    tag_changes,
    tag_list,
)


class Topic(ResourceType):
    """A topic, with the subscriptions that stand in it."""

    name = "AWS::SNS::Topic"
    properties: ClassVar = {
        "DisplayName": text,
        "KmsMasterKeyId": text,
        "Subscription": list_of(struct({"Endpoint": text, "Protocol": text})),
        "Tags": tags,
        "TopicName": text,
    }
    replaced_by = frozenset({"TopicName"})
    name_property = "TopicName"
    attribute_names = frozenset({"TopicArn", "TopicName"})

    def create(self, call: Call, properties: Properties) -> None:
        name = properties.get("TopicName") or call.new_name(256)
        options = picked(properties, "Tags")
        attributes = picked(properties, "DisplayName", "KmsMasterKeyId")
        arn = call.client("sns").create_topic(Name=name, Attributes=attributes, **options)["TopicArn"]
        call.created(arn)
        self._subscribe(call, arn, properties, {})

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        client = call.client("sns")
        for key in ("DisplayName", "KmsMasterKeyId"):
            if properties.get(key) != previous.get(key):
                value = properties.get(key, "")
                client.set_topic_attributes(TopicArn=physical_id, AttributeName=key, AttributeValue=value)
        self._subscribe(call, physical_id, properties, previous)
        tags_to_set, keys_to_remove = tag_changes(properties, previous)
        if tags_to_set:
            client.tag_resource(ResourceArn=physical_id, Tags=tag_list(tags_to_set))
        if keys_to_remove:
            client.untag_resource(ResourceArn=physical_id, TagKeys=keys_to_remove)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("sns").delete_topic(TopicArn=physical_id)

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"TopicArn": physical_id, "TopicName": physical_id.rpartition(":")[2]}

    def _subscribe(self, call: Call, arn: str, properties: Properties, previous: Properties) -> None:
        client = call.client("sns")
        wanted, current = properties.get("Subscription", []), previous.get("Subscription", [])
        for item in wanted:
            if item not in current:
                client.subscribe(TopicArn=arn, Protocol=item["Protocol"], Endpoint=item["Endpoint"])
        gone = [item for item in current if item not in wanted]
        if gone:
            for listed in client.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]:
                if {"Endpoint": listed["Endpoint"], "Protocol": listed["Protocol"]} in gone:
                    client.unsubscribe(SubscriptionArn=listed["SubscriptionArn"])


class TopicPolicy(ResourceType):
    """The one policy of each of several topics."""

    name = "AWS::SNS::TopicPolicy"
    properties: ClassVar = {"PolicyDocument": policy, "Topics": strings}
    required = frozenset({"PolicyDocument", "Topics"})

    def create(self, call: Call, properties: Properties) -> None:
        self.update(call, "", properties, {})
        call.created(call.new_name())

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        for arn in properties["Topics"]:
            _set_policy(call, arn, properties["PolicyDocument"])
        for arn in sorted(set(previous.get("Topics", [])) - set(properties["Topics"])):
            _set_policy(call, arn, _default_policy(call, arn))

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        for arn in properties["Topics"]:
            _set_policy(call, arn, _default_policy(call, arn))


def _set_policy(call: Call, arn: str, value: dict[str, Any]) -> None:
    text_of_policy = json.dumps(value)
    call.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=text_of_policy)


def _default_policy(call: Call, arn: str) -> dict[str, Any]:
    """Return the policy that SNS gives a new topic: only its own account may use it."""
    actions = (
        "GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic", "Subscribe",
        "ListSubscriptionsByTopic", "Publish",
    )  # fmt: skip
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in actions],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": call.account.account_id}},
    }
    return {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}


class Subscription(ResourceType):
    """A subscription to a topic."""

    name = "AWS::SNS::Subscription"
    properties: ClassVar = {
        "DeliveryPolicy": document,
        "Endpoint": text,
        "FilterPolicy": document,
        "FilterPolicyScope": text,
        "Protocol": text,
        "RawMessageDelivery": boolean,
        "RedrivePolicy": document,
        "TopicArn": text,
    }
    required = frozenset({"Protocol", "TopicArn"})
    replaced_by = frozenset({"Endpoint", "Protocol", "TopicArn"})
    attribute_names = frozenset({"Arn"})

    def create(self, call: Call, properties: Properties) -> None:
        where = picked(properties, "TopicArn", "Protocol", "Endpoint")
        created = call.client("sns").subscribe(**where, Attributes=_options(properties), ReturnSubscriptionArn=True)
        call.created(created["SubscriptionArn"])

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        wanted, current = _options(properties), _options(previous)
        unset = {"RawMessageDelivery": "false", "FilterPolicyScope": "MessageAttributes"}
        for key in sorted(set(wanted) | set(current)):
            value = wanted.get(key, unset.get(key, "{}"))
            if value != current.get(key):
                call.client("sns").set_subscription_attributes(
                    SubscriptionArn=physical_id, AttributeName=key, AttributeValue=value
                )

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("sns").unsubscribe(SubscriptionArn=physical_id)

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"Arn": physical_id}


def _options(properties: Properties) -> dict[str, str]:
    """Return the attributes of a subscription, all of which SNS takes as text."""
    documents = picked(properties, "DeliveryPolicy", "FilterPolicy", "RedrivePolicy")
    options = {key: json.dumps(value) for key, value in documents.items()}
    if "RawMessageDelivery" in properties:
        options["RawMessageDelivery"] = str(properties["RawMessageDelivery"]).lower()
    return options | picked(properties, "FilterPolicyScope")
