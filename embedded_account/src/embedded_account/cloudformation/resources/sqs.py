"""AWS::SQS::Queue and AWS::SQS::QueuePolicy."""

import json
from typing import Any, ClassVar

from embedded_account.cloudformation.resources.kinds import boolean, document, integer, policy, strings, tags, text
from embedded_account.cloudformation.resources.resource import Call, Properties, ResourceType, tag_changes, tag_map

# Every attribute, and what an update sends for one that the template no longer has.
_ATTRIBUTES = {
    "ContentBasedDeduplication": "false",
    "DelaySeconds": "0",
    "FifoQueue": "",
    "KmsDataKeyReusePeriodSeconds": "300",
    "KmsMasterKeyId": "",
    "MaximumMessageSize": "262144",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedriveAllowPolicy": "",
    "RedrivePolicy": "",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}


class Queue(ResourceType):
    """A queue, standard or FIFO; its URL is the physical ID."""

    name = "AWS::SQS::Queue"
    properties: ClassVar = {
        "ContentBasedDeduplication": boolean,
        "DelaySeconds": integer,
        "FifoQueue": boolean,
        "KmsDataKeyReusePeriodSeconds": integer,
        "KmsMasterKeyId": text,
        "MaximumMessageSize": integer,
        "MessageRetentionPeriod": integer,
        "QueueName": text,
        "ReceiveMessageWaitTimeSeconds": integer,
        "RedriveAllowPolicy": document,
        "RedrivePolicy": document,
        "SqsManagedSseEnabled": boolean,
        "Tags": tags,
        "VisibilityTimeout": integer,
    }
    replaced_by = frozenset({"FifoQueue", "QueueName"})
    name_property = "QueueName"
    attribute_names = frozenset({"Arn", "QueueName", "QueueUrl"})

    def create(self, call: Call, properties: Properties) -> None:
        is_fifo = properties.get("FifoQueue", False)
        name = properties.get("QueueName") or call.new_name(75) + (".fifo" if is_fifo else "")
        attributes = {key: value for key, value in _texts(properties).items() if value != "false" or key != "FifoQueue"}
        created = call.client("sqs").create_queue(QueueName=name, Attributes=attributes, tags=tag_map(properties))
        call.created(created["QueueUrl"])

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        client = call.client("sqs")
        wanted, current = _texts(properties), _texts(previous)
        names = sorted(set(wanted) | set(current))
        values = {name: wanted.get(name, _ATTRIBUTES[name]) for name in names if wanted.get(name) != current.get(name)}
        if values:
            client.set_queue_attributes(QueueUrl=physical_id, Attributes=values)
        tags_to_set, keys_to_remove = tag_changes(properties, previous)
        if tags_to_set:
            client.tag_queue(QueueUrl=physical_id, Tags=tags_to_set)
        if keys_to_remove:
            client.untag_queue(QueueUrl=physical_id, TagKeys=keys_to_remove)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("sqs").delete_queue(QueueUrl=physical_id)

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        name = physical_id.rpartition("/")[2]
        return {"Arn": call.arn("sqs", name), "QueueName": name, "QueueUrl": physical_id}


def _texts(properties: Properties) -> dict[str, str]:
    """Return the attributes of a queue, all of which SQS takes as text."""
    return {name: _text(properties[name]) for name in _ATTRIBUTES if name in properties}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict) else str(value)


class QueuePolicy(ResourceType):
    """The one policy of each of several queues."""

    name = "AWS::SQS::QueuePolicy"
    properties: ClassVar = {"PolicyDocument": policy, "Queues": strings}
    required = frozenset({"PolicyDocument", "Queues"})

    def create(self, call: Call, properties: Properties) -> None:
        self.update(call, "", properties, {})
        call.created(call.new_name())

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        for url in properties["Queues"]:
            _set_policy(call, url, json.dumps(properties["PolicyDocument"]))
        for url in sorted(set(previous.get("Queues", [])) - set(properties["Queues"])):
            _set_policy(call, url, "")

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        for url in properties["Queues"]:
            _set_policy(call, url, "")


def _set_policy(call: Call, url: str, value: str) -> None:
    call.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": value})
