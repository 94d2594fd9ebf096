"""AWS::S3::Bucket and AWS::S3::BucketPolicy."""

import json
from collections.abc import Callable
from typing import Any, ClassVar

from embedded_account.cloudformation.resources.kinds import (
    api,
    boolean,
    integer,
    list_of,
    only,
    policy,
    struct,
    tags,
    text,
)
from embedded_account.cloudformation.resources.resource import Call, Properties, ResourceType

_RULE = struct(
    {
        "Id": text,
        "Status": text,
        "Prefix": text,
        "TagFilters": tags,
        "ExpirationInDays": integer,
        "ExpiredObjectDeleteMarker": boolean,
        "AbortIncompleteMultipartUpload": struct({"DaysAfterInitiation": integer}),
        "NoncurrentVersionExpiration": struct({"NoncurrentDays": integer, "NewerNoncurrentVersions": integer}),
        "Transitions": list_of(struct({"StorageClass": text, "TransitionInDays": integer})),
    }
)
_BY_DEFAULT = struct({"SSEAlgorithm": text, "KMSMasterKeyID": text})


class Bucket(ResourceType):
    """A bucket; it is deleted only while it is empty."""

    name = "AWS::S3::Bucket"
    properties: ClassVar = {
        "BucketName": text,
        "BucketEncryption": struct(
            {
                "ServerSideEncryptionConfiguration": list_of(
                    struct({"ServerSideEncryptionByDefault": _BY_DEFAULT, "BucketKeyEnabled": boolean})
                )
            }
        ),
        "CorsConfiguration": struct(
            {
                "CorsRules": list_of(
                    struct(
                        {
                            "Id": text,
                            "MaxAge": integer,
                            **dict.fromkeys(
                                ("AllowedHeaders", "AllowedMethods", "AllowedOrigins", "ExposedHeaders"), list_of(text)
                            ),
                        }
                    )
                )
            }
        ),
        "LifecycleConfiguration": struct({"Rules": list_of(_RULE)}),
        "NotificationConfiguration": struct(
            {"EventBridgeConfiguration": struct({"EventBridgeEnabled": only(True, "true")})}
        ),
        "OwnershipControls": struct({"Rules": list_of(struct({"ObjectOwnership": text}))}),
        "PublicAccessBlockConfiguration": api("s3", "PublicAccessBlockConfiguration"),
        "Tags": tags,
        "VersioningConfiguration": struct({"Status": text}),
    }
    replaced_by = frozenset({"BucketName"})
    name_property = "BucketName"
    attribute_names = frozenset({"Arn", "DomainName", "RegionalDomainName", "DualStackDomainName"})

    def create(self, call: Call, properties: Properties) -> None:
        name = properties.get("BucketName") or call.new_name(63, lower=True)
        region = call.account.region
        location = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        call.client("s3").create_bucket(Bucket=name, **location)
        call.created(name)
        self.update(call, name, properties, {})

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        for key, apply in _SETTINGS.items():
            if properties.get(key) != previous.get(key):
                apply(call.client("s3"), physical_id, properties.get(key))

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("s3").delete_bucket(Bucket=physical_id)

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        region = call.account.region
        return {
            "Arn": f"arn:aws:s3:::{physical_id}",
            "DomainName": f"{physical_id}.s3.amazonaws.com",
            "RegionalDomainName": f"{physical_id}.s3.{region}.amazonaws.com",
            "DualStackDomainName": f"{physical_id}.s3.dualstack.{region}.amazonaws.com",
        }


def _encrypt(client: Any, bucket: str, value: Any) -> None:
    rules = []
    for rule in value["ServerSideEncryptionConfiguration"] if value else []:
        renamed = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
        rules.append({renamed.get(key, key): item for key, item in rule.items()})
    if rules:
        client.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})
    else:
        client.delete_bucket_encryption(Bucket=bucket)


def _share(client: Any, bucket: str, value: Any) -> None:
    names = {"Id": "ID", "MaxAge": "MaxAgeSeconds", "ExposedHeaders": "ExposeHeaders"}
    if value:
        rules = [{names.get(key, key): item for key, item in rule.items()} for rule in value["CorsRules"]]
        client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    else:
        client.delete_bucket_cors(Bucket=bucket)


def _expire(client: Any, bucket: str, value: Any) -> None:
    if value:
        rules = [_lifecycle_rule(rule) for rule in value["Rules"]]
        client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    else:
        client.delete_bucket_lifecycle(Bucket=bucket)


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """Return a lifecycle rule as S3's API spells it."""
    as_is = ("Status", "AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration")
    made: dict[str, Any] = {key: rule[key] for key in as_is if key in rule} | {"Filter": _lifecycle_filter(rule)}
    if "Id" in rule:
        made["ID"] = rule["Id"]
    expiration = {"ExpirationInDays": "Days", "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker"}
    if expires := {name: rule[key] for key, name in expiration.items() if key in rule}:
        made["Expiration"] = expires
    if "Transitions" in rule:
        made["Transitions"] = [
            {"StorageClass": item["StorageClass"], "Days": item.get("TransitionInDays", 0)}
            for item in rule["Transitions"]
        ]
    return made


def _lifecycle_filter(rule: dict[str, Any]) -> dict[str, Any]:
    tag_filters, prefix = rule.get("TagFilters", []), rule.get("Prefix", "")
    if not tag_filters:
        return {"Prefix": prefix}
    if len(tag_filters) == 1 and not prefix:
        return {"Tag": tag_filters[0]}
    return {"And": {"Prefix": prefix, "Tags": tag_filters}}


def _notify(client: Any, bucket: str, value: Any) -> None:
    settings: dict[str, Any] = {"EventBridgeConfiguration": {}} if value and "EventBridgeConfiguration" in value else {}
    client.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=settings)


def _own(client: Any, bucket: str, value: Any) -> None:
    if value:
        client.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=value)
    else:
        client.delete_bucket_ownership_controls(Bucket=bucket)


def _block(client: Any, bucket: str, value: Any) -> None:
    if value:
        client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=value)
    else:
        client.delete_public_access_block(Bucket=bucket)


def _tag(client: Any, bucket: str, value: Any) -> None:
    if value:
        client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": value})
    else:
        client.delete_bucket_tagging(Bucket=bucket)


def _version(client: Any, bucket: str, value: Any) -> None:
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=value or {"Status": "Suspended"})


_SETTINGS: dict[str, Callable[[Any, str, Any], None]] = {
    "OwnershipControls": _own,
    "PublicAccessBlockConfiguration": _block,
    "BucketEncryption": _encrypt,
    "VersioningConfiguration": _version,
    "CorsConfiguration": _share,
    "LifecycleConfiguration": _expire,
    "NotificationConfiguration": _notify,
    "Tags": _tag,
}


class BucketPolicy(ResourceType):
    """What a bucket lets others do; a bucket has one policy at most, so that its name is the physical ID."""

    name = "AWS::S3::BucketPolicy"
    properties: ClassVar = {"Bucket": text, "PolicyDocument": policy}
    required = frozenset({"Bucket", "PolicyDocument"})
    replaced_by = frozenset({"Bucket"})

    def create(self, call: Call, properties: Properties) -> None:
        self.update(call, properties["Bucket"], properties, {})
        call.created(properties["Bucket"])

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        text_of_policy = json.dumps(properties["PolicyDocument"])
        call.client("s3").put_bucket_policy(Bucket=physical_id, Policy=text_of_policy)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("s3").delete_bucket_policy(Bucket=physical_id)
