"""Tests of the table of operations in iam/actions."""

import json
import subprocess
import sys
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore.model import ServiceModel
from embedded_account.data_files import data_loader
from embedded_account.iam.actions import TABLE
from embedded_account.iam.actions.rules import Call, Need
from embedded_account.iam.actions.s3 import S3Request, UnknownOperationError, needs

REGION, ACCOUNT_ID = "us-east-1", "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/job"
TAGS = [{"Key": "Dataset", "Value": "pets"}]


def needed(service: str, operation: str, **params: Any) -> list[tuple[str, str]]:
    return [(need.action, need.resource) for need in all_needed(service, operation, **params)]


def all_needed(service: str, operation: str, **params: Any) -> list[Need]:
    prefix, rules = TABLE[service]
    return rules[operation].needs(Call(prefix, operation, params, REGION, ACCOUNT_ID))


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{resource}"


_LIST_OPERATIONS = """
import json
from embedded_account.documentation import operations_of, services

listed = {service: operations_of(service, names) for service, names in services().items()}
print(json.dumps({service: [name for name, how in told.items() if how] for service, told in listed.items()}))
"""


@pytest.fixture(scope="module")
def listed() -> dict[str, list[str]]:
    """Give the operations that the page of services lists. A process of its own asks: an account changes moto."""
    asked = subprocess.run(  # noqa: S603 (a program of this file's)
        [sys.executable, "-c", _LIST_OPERATIONS], capture_output=True, text=True, timeout=120, check=True
    )
    names: dict[str, list[str]] = json.loads(asked.stdout)
    return names


def test_every_operation_that_is_listed_is_in_the_table(listed: dict[str, list[str]]) -> None:
    """What the table does not know would be refused by name."""
    missing = {
        f"{service}:{name}"
        for service, names in listed.items()
        for name in names
        if service != "s3" and name not in TABLE[service][1]
    }

    assert missing == set()
    assert {"CreateInstanceProfile", "GetAccessKeyLastUsed"} <= set(listed["iam"])
    assert "SendCommand" not in listed["ssm"]  # moto keeps it and runs nothing


def test_every_operation_of_s3_that_is_listed_has_needs(listed: dict[str, list[str]]) -> None:
    """They are read from method, path and query, which AWS's model tells."""
    model = ServiceModel(data_loader().load_service_model("s3", "service-2"), "s3")

    missing = {name for name in listed["s3"] if not _has_needs(model.operation_model(name))}

    assert missing == set()


def _has_needs(operation: Any) -> bool:
    path, _, literal = operation.http["requestUri"].partition("?")
    query = {name: values[0] for name, values in parse_qs(literal, keep_blank_values=True).items()}
    shape = operation.input_shape
    for member in shape.required_members if shape else ():
        serialization = shape.members[member].serialization
        if serialization.get("location") == "querystring":
            query[serialization["name"]] = "1"
    bucket, key = ("b" if "{Bucket}" in path else ""), ("k" if "{Key+}" in path else "")
    body = b"<Delete><Object><Key>k</Key></Object></Delete>"
    try:
        return bool(needs(S3Request(operation.http["method"], bucket, key, query, {}), body))
    except UnknownOperationError:
        return False


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"),
    [
        (
            "iam",
            "AddRoleToInstanceProfile",
            {"InstanceProfileName": "hosts", "RoleName": "job"},
            [
                ("iam:AddRoleToInstanceProfile", f"arn:aws:iam::{ACCOUNT_ID}:instance-profile/hosts"),
                ("iam:PassRole", ROLE),
            ],
        ),
        (
            "iam",
            "GetServiceLinkedRoleDeletionStatus",
            {"DeletionTaskId": "task/aws-service-role/x.amazonaws.com/ForX/1-2"},
            [
                (
                    "iam:GetServiceLinkedRoleDeletionStatus",
                    f"arn:aws:iam::{ACCOUNT_ID}:role/aws-service-role/x.amazonaws.com/ForX",
                )
            ],
        ),
        (
            "dynamodb",
            "BatchExecuteStatement",
            {
                "Statements": [
                    {"Statement": 'SELECT * FROM "Pets"."by-age" WHERE a = 1'},
                    {"Statement": "insert into Pets value {'id': '1'}"},
                    {"Statement": 'UPDATE "Pets" SET a = 2 WHERE id = 1'},
                    {"Statement": 'DELETE FROM "Cats" WHERE id = 1'},
                ]
            },
            [
                ("dynamodb:PartiQLSelect", arn("dynamodb", "table/Pets/index/by-age")),
                ("dynamodb:PartiQLInsert", arn("dynamodb", "table/Pets")),
                ("dynamodb:PartiQLUpdate", arn("dynamodb", "table/Pets")),
                ("dynamodb:PartiQLDelete", arn("dynamodb", "table/Cats")),
            ],
        ),
        (
            "dynamodb",
            "ExportTableToPointInTime",
            {"TableArn": arn("dynamodb", "table/Pets"), "S3Bucket": "b", "S3Prefix": "out/"},
            [
                ("dynamodb:ExportTableToPointInTime", arn("dynamodb", "table/Pets")),
                ("s3:PutObject", "arn:aws:s3:::b/out/*"),
            ],
        ),
        (
            "sagemaker",
            "CreateTrainingJob",
            {"TrainingJobName": "Pets-1", "RoleArn": ROLE, "Tags": TAGS},
            [
                ("sagemaker:CreateTrainingJob", arn("sagemaker", "training-job/pets-1")),
                ("sagemaker:AddTags", arn("sagemaker", "training-job/pets-1")),
                ("iam:PassRole", ROLE),
            ],
        ),
        (
            "sagemaker",
            "CreateHyperParameterTuningJob",
            {"HyperParameterTuningJobName": "t", "TrainingJobDefinitions": [{"RoleArn": ROLE}, {"RoleArn": ROLE}]},
            [
                ("sagemaker:CreateHyperParameterTuningJob", arn("sagemaker", "hyper-parameter-tuning-job/t")),
                ("iam:PassRole", ROLE),
            ],
        ),
        (
            "sagemaker",
            "UpdateEndpoint",
            {"EndpointName": "e", "EndpointConfigName": "c"},
            [
                ("sagemaker:UpdateEndpoint", arn("sagemaker", "endpoint/e")),
                ("sagemaker:UpdateEndpoint", arn("sagemaker", "endpoint-config/c")),
            ],
        ),
        (
            "sagemaker-runtime",
            "InvokeEndpoint",
            {"EndpointName": "e"},
            [("sagemaker:InvokeEndpoint", arn("sagemaker", "endpoint/e"))],
        ),
        (
            "lambda",
            "Invoke",
            {"FunctionName": "f", "Qualifier": "live"},
            [("lambda:InvokeFunction", arn("lambda", "function:f:live"))],
        ),
        (
            "lambda",
            "Invoke",
            {"FunctionName": arn("lambda", "function:f:live")},
            [("lambda:InvokeFunction", arn("lambda", "function:f:live"))],
        ),
        (
            "lambda",
            "CreateFunction",
            {"FunctionName": "f", "Role": ROLE},
            [("lambda:CreateFunction", arn("lambda", "function:f")), ("iam:PassRole", ROLE)],
        ),
        (
            "dynamodb",
            "Query",
            {"TableName": "t", "IndexName": "i"},
            [("dynamodb:Query", arn("dynamodb", "table/t/index/i"))],
        ),
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "t"}}, {"ConditionCheck": {"TableName": "u"}}]},
            [
                ("dynamodb:PutItem", arn("dynamodb", "table/t")),
                ("dynamodb:ConditionCheckItem", arn("dynamodb", "table/u")),
            ],
        ),
        (
            "sqs",
            "SendMessageBatch",
            {"QueueUrl": f"http://127.0.0.1:1/{ACCOUNT_ID}/q"},
            [("sqs:SendMessage", arn("sqs", "q"))],
        ),
        ("sns", "Publish", {"TopicArn": arn("sns", "t")}, [("sns:Publish", arn("sns", "t"))]),
        ("sns", "Publish", {"PhoneNumber": "+49"}, [("sns:Publish", "*")]),
        ("events", "PutRule", {"Name": "r"}, [("events:PutRule", arn("events", "rule/r"))]),
        (
            "events",
            "PutTargets",
            {"Rule": "r", "EventBusName": "b", "Targets": [{"Arn": "x", "RoleArn": ROLE}]},
            [("events:PutTargets", arn("events", "rule/b/r")), ("iam:PassRole", ROLE)],
        ),
        (
            "scheduler",
            "CreateSchedule",
            {"Name": "s", "Target": {"RoleArn": ROLE}},
            [("scheduler:CreateSchedule", arn("scheduler", "schedule/default/s")), ("iam:PassRole", ROLE)],
        ),
        (
            "logs",
            "PutLogEvents",
            {"logGroupName": "g", "logStreamName": "s"},
            [("logs:PutLogEvents", arn("logs", "log-group:g:log-stream:s"))],
        ),
        ("ssm", "GetParameter", {"Name": "/a/b"}, [("ssm:GetParameter", arn("ssm", "parameter/a/b"))]),
        ("sts", "GetCallerIdentity", {}, []),
        (
            "cloudformation",
            "CreateChangeSet",
            {"StackName": "s", "RoleARN": ROLE},
            [("cloudformation:CreateChangeSet", arn("cloudformation", "stack/s/*")), ("iam:PassRole", ROLE)],
        ),
    ],
)
def test_an_operation_needs_what_the_reference_says(service, operation, params, expected):
    """Its own action on its resources, and what depends on the request: tags, passed roles.

    Source: Service Authorization Reference, the page of each service.
    """
    assert needed(service, operation, **params) == expected


def test_a_passed_role_is_bound_to_the_service_that_gets_it():
    """iam:PassedToService holds the service's principal.

    Source: IAM user guide, "Grant a user permissions to pass a role to an AWS service".
    """
    need = all_needed("lambda", "CreateFunction", FunctionName="f", Role=ROLE)[-1]

    assert (need.action, need.resource) == ("iam:PassRole", ROLE)
    assert need.context["iam:PassedToService"] == "lambda.amazonaws.com"


def test_tags_of_a_request_are_condition_keys():
    """aws:RequestTag and aws:TagKeys come from the request, whichever form its tags have.

    Source: IAM user guide, "AWS global condition context keys".
    """
    listed = all_needed("sagemaker", "CreateModel", ModelName="m", Tags=TAGS)[0].context
    mapped = all_needed("lambda", "TagResource", Resource=arn("lambda", "function:f"), Tags={"Dataset": "pets"})[0]
    removed = all_needed("sagemaker", "DeleteTags", ResourceArn=arn("sagemaker", "model/m"), TagKeys=["Dataset"])[0]

    assert listed["aws:RequestTag/Dataset"] == mapped.context["aws:RequestTag/Dataset"] == "pets"
    assert listed["aws:TagKeys"] == removed.context["aws:TagKeys"] == ["Dataset"]


def test_registering_a_variant_needs_what_is_done_for_the_caller():
    """Application Auto Scaling acts on endpoint and alarms with the caller's permissions.

    Source: Application Auto Scaling user guide, "Identity-based policies for Application Auto Scaling".
    """
    target = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/e/variant/v"}

    registered = needed("application-autoscaling", "RegisterScalableTarget", **target)
    put = needed("application-autoscaling", "PutScalingPolicy", PolicyType="TargetTrackingScaling", **target)

    assert ("sagemaker:UpdateEndpointWeightsAndCapacities", arn("sagemaker", "endpoint/e")) in registered
    assert "iam:CreateServiceLinkedRole" in [action for action, _ in registered]
    assert "cloudwatch:PutMetricAlarm" in [action for action, _ in put]


def s3_needed(method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> list[tuple[str, str]]:
    environ = {"REQUEST_METHOD": method, "RAW_URI": path, "QUERY_STRING": query} | headers
    return [(need.action, need.resource) for need in needs(S3Request.of(environ), body)]


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/", "", [("s3:ListAllMyBuckets", "*")]),
        ("PUT", "/b", "", [("s3:CreateBucket", "arn:aws:s3:::b")]),
        ("HEAD", "/b", "", [("s3:ListBucket", "arn:aws:s3:::b")]),
        ("GET", "/b/", "list-type=2&prefix=runs%2F", [("s3:ListBucket", "arn:aws:s3:::b")]),
        ("GET", "/b", "uploads", [("s3:ListBucketMultipartUploads", "arn:aws:s3:::b")]),
        ("DELETE", "/b", "policy", [("s3:DeleteBucketPolicy", "arn:aws:s3:::b")]),
        ("PUT", "/b", "publicAccessBlock", [("s3:PutBucketPublicAccessBlock", "arn:aws:s3:::b")]),
        ("GET", "/b/a%20k", "", [("s3:GetObject", "arn:aws:s3:::b/a k")]),
        ("HEAD", "/b/k", "versionId=1", [("s3:GetObjectVersion", "arn:aws:s3:::b/k")]),
        ("GET", "/b/k", "tagging", [("s3:GetObjectTagging", "arn:aws:s3:::b/k")]),
        ("GET", "/b/k", "uploadId=1", [("s3:ListMultipartUploadParts", "arn:aws:s3:::b/k")]),
        ("PUT", "/b/k", "partNumber=1&uploadId=1", [("s3:PutObject", "arn:aws:s3:::b/k")]),
        ("POST", "/b/k", "uploads", [("s3:PutObject", "arn:aws:s3:::b/k")]),
        ("DELETE", "/b/k", "uploadId=1", [("s3:AbortMultipartUpload", "arn:aws:s3:::b/k")]),
        ("DELETE", "/b/k", "versionId=1", [("s3:DeleteObjectVersion", "arn:aws:s3:::b/k")]),
    ],
)
def test_an_s3_request_needs_what_the_user_guide_says(method, path, query, expected):
    """The operation shows in the method and in the query.

    Source: Amazon S3 user guide, "Required permissions for Amazon S3 API operations".
    """
    assert s3_needed(method, path, query) == expected


def test_a_copy_needs_to_read_its_source():
    """CopyObject is PutObject on the target and GetObject on the source; tags and an ACL need more.

    Source: Amazon S3 user guide, "Required permissions for Amazon S3 API operations".
    """
    headers = {"HTTP_X_AMZ_COPY_SOURCE": "/a/some%20key", "HTTP_X_AMZ_TAGGING": "x=y", "HTTP_X_AMZ_ACL": "private"}

    assert s3_needed("PUT", "/b/k", "", b"", **headers) == [
        ("s3:PutObject", "arn:aws:s3:::b/k"),
        ("s3:GetObject", "arn:aws:s3:::a/some key"),
        ("s3:PutObjectTagging", "arn:aws:s3:::b/k"),
        ("s3:PutObjectAcl", "arn:aws:s3:::b/k"),
    ]


def test_deleting_many_objects_needs_each():
    """DeleteObjects is DeleteObject on every key in its body.

    Source: Amazon S3 user guide, "Required permissions for Amazon S3 API operations".
    """
    body = b"<Delete><Object><Key>a&amp;b</Key></Object><Object><Key>c</Key><VersionId>1</VersionId></Object></Delete>"

    assert s3_needed("POST", "/b", "delete", body) == [
        ("s3:DeleteObject", "arn:aws:s3:::b/a&b"),
        ("s3:DeleteObjectVersion", "arn:aws:s3:::b/c"),
    ]


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "/b/k", "torrent"),
        ("POST", "/b/k", "renameObject"),
        ("POST", "/b", ""),
        ("PATCH", "/b", ""),
        ("PATCH", "/b/k", ""),
        ("DELETE", "/b", "location"),
        ("DELETE", "/b/k", "acl"),
    ],
)
def test_an_unknown_s3_request_is_refused_by_name(method, path, query):
    """What is no operation is never taken for another one."""
    with pytest.raises(UnknownOperationError, match=method):
        s3_needed(method, path, query)


def test_listing_tells_its_prefix():
    """s3:prefix, s3:delimiter and s3:max-keys are what the query says.

    Source: Amazon S3 user guide, "Bucket policy examples using condition keys".
    """
    environ = {"REQUEST_METHOD": "GET", "RAW_URI": "/b", "QUERY_STRING": "prefix=runs%2F&delimiter=%2F&max-keys=5"}

    context = needs(S3Request.of(environ))[0].context

    assert context.items() >= {"s3:prefix": "runs/", "s3:delimiter": "/", "s3:max-keys": "5"}.items()
