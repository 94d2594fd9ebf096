"""Items of the stack's DynamoDB table, by the key `Id`, with conditional writes."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from handlers import aws
from handlers.contract.errors import AwsConditionError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


@dataclass(frozen=True)
class Table:
    """Items are plain dictionaries. In a condition `#Name` is an attribute and `:name` a key of `values`.

    A write returns False, and writes nothing, if its condition does not hold.
    """

    name: str
    given_client: "DynamoDBClient | None" = None  # whoever is no handler brings a client of its own

    @property
    def client(self) -> "DynamoDBClient":
        return self.given_client or aws.dynamodb()

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the item as it is now, not as some replica saw it, or None."""
        item = self.client.get_item(TableName=self.name, Key=_key(key), ConsistentRead=True).get("Item")
        return _plain(item) if item else None

    def put(self, item: Mapping[str, Any], condition: str = "", **values: Any) -> bool:
        """Write the whole item."""
        extra = _expressions({"ConditionExpression": condition}, values)
        return _held(lambda: self.client.put_item(TableName=self.name, Item=_typed(item), **extra))

    def update(self, key: str, changes: Mapping[str, Any], condition: str = "", **values: Any) -> bool:
        """Set the attributes in `changes`; those whose value is None are removed."""
        sets = ", ".join(f"#{name} = :set_{name}" for name, value in changes.items() if value is not None)
        removes = ", ".join(f"#{name}" for name, value in changes.items() if value is None)
        update = " ".join(filter(None, (sets and f"SET {sets}", removes and f"REMOVE {removes}")))
        new = {f"set_{name}": value for name, value in changes.items() if value is not None}
        extra = _expressions({"UpdateExpression": update, "ConditionExpression": condition}, {**values, **new})
        return _held(lambda: self.client.update_item(TableName=self.name, Key=_key(key), **extra))

    def delete(self, key: str, condition: str = "", **values: Any) -> bool:
        """Remove the item if the condition holds for it; one that is gone already is as good."""
        gone_or = f"attribute_not_exists(#Id) OR ({condition})" if condition else ""
        extra = _expressions({"ConditionExpression": gone_or}, values)
        return _held(lambda: self.client.delete_item(TableName=self.name, Key=_key(key), **extra))

    def items(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Yield every item whose key begins with `prefix`; the table is small, so this is a scan."""
        begins = _expressions({"FilterExpression": "begins_with(#Id, :prefix)"}, {"prefix": prefix})
        pages = self.client.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True, **begins)
        for page in pages:
            for item in page["Items"]:
                yield _plain(item)


def _held(write: Callable[[], object]) -> bool:
    try:
        write()
    except AwsConditionError:
        return False
    return True


def _key(key: str) -> dict[str, Any]:
    return {"Id": {"S": key}}


def _expressions(expressions: dict[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments for the expressions that are not empty, with every attribute name behind a placeholder.

    Names such as Status are reserved words of DynamoDB, so none is written out.
    """
    given = {argument: text for argument, text in expressions.items() if text}
    arguments: dict[str, Any] = dict(given)
    attributes = {match for text in given.values() for match in re.findall(r"#(\w+)", text)}
    if attributes:
        arguments["ExpressionAttributeNames"] = {f"#{name}": name for name in attributes}
    if values:
        arguments["ExpressionAttributeValues"] = {f":{k}": v for k, v in _typed(values).items()}
    return arguments


def _typed(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _serialize(_exact(value)) for name, value in item.items()}


def _exact(value: Any) -> Any:
    """Return `value` with floats as decimals, which is how DynamoDB takes them."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, Mapping):
        return {name: _exact(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(inner) for inner in value]
    return value


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _readable(_deserialize(value)) for name, value in item.items()}


def _readable(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _readable(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_readable(inner) for inner in value]
    return value
