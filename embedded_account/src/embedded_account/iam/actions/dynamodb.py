"""DynamoDB: tables, and the condition keys that speak of items and attributes.

Source: Service Authorization Reference, "Amazon DynamoDB"; DynamoDB developer guide, "Using IAM policy conditions for
fine-grained access control".
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from embedded_account.iam.actions.rules import ANY, Call, Need, Rule, each, on
from embedded_account.iam.context import Value

_WRITES = {"Put": "PutItem", "Delete": "DeleteItem", "Update": "UpdateItem", "ConditionCheck": "ConditionCheckItem"}
_EXPRESSIONS = (
    "ProjectionExpression",
    "UpdateExpression",
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
)
_NAME = re.compile(r"(?<![:\w.])#?[A-Za-z_]\w*(?!\w*\s*\()")
_STATEMENT = re.compile(
    r"""\s*(?:EXISTS\s*\(\s*)?(SELECT|INSERT|UPDATE|DELETE)\b.*?(?:\bFROM|\bINTO|\bUPDATE|(?<=UPDATE))\s+
    ["']?([\w.-]+)["']?(?:\."([\w.-]+)")?""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_EQUALS = re.compile(r"(#?[A-Za-z_]\w*)\s*=\s*(:\w+)")
_WORDS = frozenset("SET REMOVE ADD DELETE AND OR NOT BETWEEN IN".split())  # noqa: SIM905
_WRITING = ("PutItem", "UpdateItem", "DeleteItem")


def _table_arn(call: Call, name: str) -> str:
    return name if name.startswith("arn:") else call.arn(f"table/{name}")


def _table(call: Call) -> list[str]:
    """Return the table, or the index of it that the request names."""
    arn = _table_arn(call, str(call.get("TableName") or ""))
    return [f"{arn}/index/{call.get('IndexName')}" if call.get("IndexName") else arn]


def _of_request(call: Call) -> dict[str, Value]:
    """Return the condition keys of an operation on items."""
    return _keys(call, call.params, call.operation)


def _keys(call: Call, request: Mapping[str, Any], operation: str) -> dict[str, Value]:
    """Return the condition keys of a request for items, alone or as a part of a larger one."""
    table = str(request.get("TableName") or call.get("TableName") or "")
    context: dict[str, Value] = {}
    leading = list(_leading_values(request, _hash_key(call, table, str(request.get("IndexName") or ""))))
    if leading:
        context["dynamodb:LeadingKeys"] = leading
    attributes = sorted(set(_attributes(request)))
    if attributes:
        context["dynamodb:Attributes"] = attributes
    if operation in ("Query", "Scan"):
        has_names = request.get("ProjectionExpression") or request.get("AttributesToGet")
        context["dynamodb:Select"] = str(
            request.get("Select") or ("SPECIFIC_ATTRIBUTES" if has_names else "ALL_ATTRIBUTES")
        )
    if operation in _WRITING:
        context["dynamodb:ReturnValues"] = str(request.get("ReturnValues") or "NONE")
    context["dynamodb:ReturnConsumedCapacity"] = str(call.get("ReturnConsumedCapacity") or "NONE")
    return context


def _hash_key(call: Call, table: str, index: str) -> str:
    """Return the name of the partition key of a table, or of its index; empty where there is no such table."""
    from moto.dynamodb.models import dynamodb_backends

    stored = dynamodb_backends[call.account_id][call.region].tables.get(table.rpartition("/")[2])
    if stored is None:
        return ""
    schemas = {one.name: one.schema for one in (*stored.indexes, *stored.global_indexes)}
    schema = schemas.get(index, stored.schema)
    return next((str(key["AttributeName"]) for key in schema if key["KeyType"] == "HASH"), "")


def _leading_values(request: Mapping[str, Any], hash_key: str) -> Iterator[str]:
    """Yield the partition key values that a request names."""
    for item in _items(request):
        if hash_key in item:
            yield _plain(item[hash_key])
    legacy = (request.get("KeyConditions") or {}).get(hash_key)
    if legacy:
        yield from map(_plain, legacy.get("AttributeValueList", ()))
    names, values = request.get("ExpressionAttributeNames") or {}, request.get("ExpressionAttributeValues") or {}
    for name, value in _EQUALS.findall(str(request.get("KeyConditionExpression") or "")):
        if names.get(name, name) == hash_key and value in values:
            yield _plain(values[value])


def _items(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the items and keys in a request, of a batch as well."""
    yield from (request[name] for name in ("Key", "Item") if request.get(name))
    yield from request.get("Keys") or ()


def _attributes(request: Mapping[str, Any]) -> Iterator[str]:
    """Yield the top-level attributes that a request reads or writes."""
    for item in _items(request):
        yield from item
    for member in ("KeyConditions", "Expected", "AttributeUpdates", "QueryFilter", "ScanFilter"):
        yield from request.get(member) or {}
    yield from request.get("AttributesToGet") or ()
    names = request.get("ExpressionAttributeNames") or {}
    for member in _EXPRESSIONS:
        for name in _NAME.findall(str(request.get(member) or "")):
            if name.upper() not in _WORDS:
                yield str(names.get(name, name))


def _plain(value: Mapping[str, Any]) -> str:
    return str(next(iter(value.values()), ""))


def _batch(call: Call) -> Iterable[Need]:
    """A batch needs its own action on each table, for all items together."""
    for name, asked in (call.get("RequestItems") or {}).items():
        if isinstance(asked, Mapping):
            request = {"TableName": name, **asked}
        else:
            request = {"TableName": name, "Keys": [one for write in asked for one in _written(write)]}
        yield Need(f"dynamodb:{call.operation}", _table_arn(call, name), _keys(call, request, call.operation))


def _written(write: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for request in write.values():
        yield from _items(request)


def _transaction(call: Call) -> Iterable[Need]:
    """Each item of a transaction needs what it would need alone."""
    for item in call.get("TransactItems") or ():
        for kind, request in item.items():
            action = "GetItem" if kind == "Get" else _WRITES[kind]
            context = _keys(call, request, action) | {"dynamodb:EnclosingOperation": call.operation}
            yield Need(f"dynamodb:{action}", _table_arn(call, request["TableName"]), context)


def _statements(call: Call) -> Iterable[Need]:
    """Each statement of PartiQL needs the action of its kind on its table, or on the index that it reads.

    Source: Amazon DynamoDB developer guide, "IAM security policies with PartiQL for DynamoDB".
    """
    listed = call.get("Statements") or call.get("TransactStatements") or [{"Statement": call.get("Statement")}]
    for text in (str(one.get("Statement") or "") for one in listed):
        match = _STATEMENT.match(text)
        action = f"PartiQL{match[1].capitalize()}" if match else "PartiQLSelect"
        table, index = (match[2], match[3]) if match else ("*", "")
        yield Need(f"dynamodb:{action}", _table_arn(call, table) + (f"/index/{index}" if index else ""))


def _exported(call: Call) -> Iterable[Need]:
    """An export puts its objects as whoever asks for it."""
    yield Need("s3:PutObject", f"arn:aws:s3:::{call.get('S3Bucket')}/{call.get('S3Prefix') or ''}*")


def _imported(call: Call) -> Iterable[Need]:
    bucket = f"arn:aws:s3:::{call.get('S3BucketSource.S3Bucket')}"
    yield Need("s3:ListBucket", bucket)
    yield Need("s3:GetObject", f"{bucket}/{call.get('S3BucketSource.S3KeyPrefix') or ''}*")


_TABLE = on(_table)
_NEW_TABLE = on(lambda call: [_table_arn(call, str(call.get("TargetTableName") or ""))])
_SOURCE = on(lambda call: [_table_arn(call, str(call.get("SourceTableArn") or call.get("SourceTableName") or ""))])
DYNAMODB: dict[str, Rule] = {
    **each("GetItem PutItem UpdateItem DeleteItem Query Scan", _TABLE.knowing(_of_request)),
    **each(
        """DescribeTable UpdateTable DeleteTable DescribeTimeToLive UpdateTimeToLive DescribeContinuousBackups
        UpdateContinuousBackups CreateBackup""",
        _TABLE,
    ),
    "CreateTable": _TABLE.tagging("dynamodb:TagResource"),
    **each("BatchGetItem BatchWriteItem", Rule((), others=(_batch,))),
    **each("TransactGetItems TransactWriteItems", Rule((), others=(_transaction,))),
    **each("ExecuteStatement BatchExecuteStatement ExecuteTransaction", Rule((), others=(_statements,))),
    **each("DescribeBackup DeleteBackup", on("{BackupArn}")),
    "RestoreTableFromBackup": on("{BackupArn}", *_NEW_TABLE.resources),
    "RestoreTableToPointInTime": on(*_SOURCE.resources, *_NEW_TABLE.resources),
    "ExportTableToPointInTime": on("{TableArn}").also(_exported),
    "ImportTable": on("table/{TableCreationParameters.TableName}").also(_imported),
    "DescribeExport": on("{ExportArn}"),
    "DescribeImport": on("{ImportArn}"),
    **each("ListTables DescribeLimits DescribeEndpoints ListBackups ListExports", ANY),
    **each(
        """TagResource UntagResource ListTagsOfResource GetResourcePolicy PutResourcePolicy DeleteResourcePolicy""",
        on("{ResourceArn}"),
    ),
}
