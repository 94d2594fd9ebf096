"""The condition keys that requests bring along: of items, of tags, of how a request is signed.

Source: Service Authorization Reference, the page of each service; IAM user guide, "AWS global condition context keys".
"""

import uuid
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from embedded_account.iam.actions import TABLE
from embedded_account.iam.actions.rules import Call
from embedded_account.iam.actions.s3 import S3Request, needs
from embedded_account.pytest_plugin import RunningAccount
from support.callers import Caller, allowed

TABLE_NAME = "condition-keys"


@pytest.fixture(scope="module")
def table(account: RunningAccount) -> Any:
    """Give a client of a table with the partition key Id and a sort key."""
    client = account.client("dynamodb")
    keys = [("Id", "HASH", "S"), ("At", "RANGE", "N")]
    client.create_table(
        TableName=TABLE_NAME,
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind, _ in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": of} for name, _, of in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    yield client
    client.delete_table(TableName=TABLE_NAME)


def is_denied(call: Any, **members: Any) -> bool:
    try:
        call(**members)
    except ClientError as error:
        return error.response["Error"]["Code"].startswith(("AccessDenied", "AuthorizationError"))
    return False


def test_items_are_guarded_by_their_leading_key(account, table):
    """dynamodb:LeadingKeys is the partition key's value: of an item, of every item of a batch, of a query.

    Source: DynamoDB developer guide, "Using IAM policy conditions for fine-grained access control".
    """
    own = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine"]}, "Null": {"dynamodb:LeadingKeys": "false"}}
    actions = [f"dynamodb:{name}" for name in ("GetItem", "Query", "Scan", "BatchGetItem", "PutItem")]
    reader = Caller(account, allowed(actions, Condition=own)).client("dynamodb")

    def key(value: str) -> dict[str, Any]:
        return {"Id": {"S": value}, "At": {"N": "1"}}

    def query(value: str) -> dict[str, Any]:
        return {
            "TableName": TABLE_NAME,
            "KeyConditionExpression": "#i = :i AND At > :a",
            "ExpressionAttributeNames": {"#i": "Id"},
            "ExpressionAttributeValues": {":i": {"S": value}, ":a": {"N": "0"}},
        }

    assert not is_denied(reader.put_item, TableName=TABLE_NAME, Item=key("mine"))
    assert is_denied(reader.put_item, TableName=TABLE_NAME, Item=key("yours"))
    assert not is_denied(reader.get_item, TableName=TABLE_NAME, Key=key("mine"))
    assert is_denied(reader.get_item, TableName=TABLE_NAME, Key=key("yours"))
    assert not is_denied(reader.query, **query("mine"))
    assert is_denied(reader.query, **query("yours"))
    assert is_denied(reader.scan, TableName=TABLE_NAME)
    assert not is_denied(reader.batch_get_item, RequestItems={TABLE_NAME: {"Keys": [key("mine")]}})
    assert is_denied(reader.batch_get_item, RequestItems={TABLE_NAME: {"Keys": [key("mine"), key("yours")]}})


def test_attributes_of_a_request_are_known(table, account):
    """dynamodb:Attributes are the top-level attributes that it names, and dynamodb:Select what it wants of them."""
    call = Call(
        "dynamodb",
        "Query",
        {
            "TableName": TABLE_NAME,
            "KeyConditionExpression": "Id = :i",
            "ExpressionAttributeValues": {":i": {"S": "x"}},
            "ProjectionExpression": "#s, Address.City",
            "ExpressionAttributeNames": {"#s": "Status"},
            "FilterExpression": "begins_with(Kind, :k) AND NOT attribute_exists(Gone)",
        },
        "us-east-1",
        "123456789012",
    )

    (need,) = TABLE["dynamodb"][1]["Query"].needs(call)

    assert need.context["dynamodb:Attributes"] == ["Address", "Gone", "Id", "Kind", "Status"]
    assert need.context["dynamodb:Select"] == "SPECIFIC_ATTRIBUTES"


@pytest.mark.parametrize(
    ("service", "operation", "params", "key", "expected"),
    [
        ("lambda", "CreateFunction", {"FunctionName": "f", "Layers": ["l"]}, "lambda:Layer", "l"),
        ("ssm", "PutParameter", {"Name": "p", "Overwrite": True}, "ssm:Overwrite", "true"),
        (
            "sagemaker",
            "CreateEndpointConfig",
            {"EndpointConfigName": "c", "ProductionVariants": [{"ModelName": "M"}]},
            "sagemaker:ModelArn",
            ["arn:aws:sagemaker:us-east-1:123456789012:model/m"],
        ),
        ("dynamodb", "PutItem", {"TableName": "t", "Item": {}}, "dynamodb:ReturnValues", "NONE"),
        ("cloudwatch", "PutMetricData", {"Namespace": "N"}, "cloudwatch:namespace", "N"),
        ("sns", "Subscribe", {"TopicArn": "arn:aws:sns:r:a:t", "Protocol": "sqs"}, "sns:Protocol", "sqs"),
    ],
)
def test_a_service_has_condition_keys_of_its_own(service, operation, params, key, expected):
    """The condition keys that the Service Authorization Reference lists for an operation come from its request."""
    prefix, rules = TABLE[service]

    need = rules[operation].needs(Call(prefix, operation, params, "us-east-1", "123456789012"))[0]

    assert need.context[key] == expected


def test_a_passed_role_is_bound_to_what_it_is_for():
    """iam:AssociatedResourceArn is what the role will be associated with.

    Source: IAM user guide, "IAM and AWS STS condition context keys".
    """
    params = {"TrainingJobName": "j", "RoleArn": "arn:aws:iam::123456789012:role/r"}
    call = Call("sagemaker", "CreateTrainingJob", params, "us-east-1", "123456789012")

    passed = TABLE["sagemaker"][1]["CreateTrainingJob"].needs(call)[-1]

    assert str(passed.context["iam:AssociatedResourceArn"]).endswith(":training-job/j")


def test_resources_are_guarded_by_their_tags(account):
    """aws:ResourceTag/KEY is the tag that the resource has; one without the tag does not match.

    Source: IAM user guide, "AWS global condition context keys", aws:ResourceTag.
    """
    tagged = {"StringEquals": {"aws:ResourceTag/Team": "red"}}
    caller, name = Caller(account, allowed("*", Condition=tagged)), f"tagged-{uuid.uuid4().hex[:8]}"
    sqs, sns, table = account.client("sqs"), account.client("sns"), account.client("dynamodb")
    urls = [sqs.create_queue(QueueName=f"{name}-{team}", tags={"Team": team})["QueueUrl"] for team in ("red", "blue")]
    topics = [
        sns.create_topic(Name=f"{name}-{team}", Tags=[{"Key": "Team", "Value": team}])["TopicArn"]
        for team in ("red", "blue")
    ]
    for team in ("red", "blue"):
        table.create_table(
            TableName=f"{name}-{team}",
            KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            Tags=[{"Key": "team", "Value": team}],  # names of keys are compared without regard to case
        )

    asked = [caller.client(service) for service in ("sqs", "sns", "dynamodb")]
    sent = [is_denied(asked[0].send_message, QueueUrl=url, MessageBody="x") for url in urls]
    published = [is_denied(asked[1].publish, TopicArn=arn, Message="x") for arn in topics]
    described = [is_denied(asked[2].describe_table, TableName=f"{name}-{team}") for team in ("red", "blue")]

    assert [sent, published, described] == [[False, True]] * 3


def test_objects_are_guarded_by_their_tags(account):
    """s3:ExistingObjectTag is of the object, s3:RequestObjectTag of the request, whose body may hold the tags.

    Source: Amazon S3 user guide, "Object tagging", tagging and access control policies.
    """
    s3, bucket = account.client("s3"), f"tagged-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    for team in ("red", "blue"):
        s3.put_object(Bucket=bucket, Key=team, Body=b"x", Tagging=f"Team={team}")
    reads = {"StringEquals": {"s3:ExistingObjectTag/Team": "red"}}
    tags = {"StringEquals": {"s3:RequestObjectTag/Team": "red"}}
    caller = Caller(
        account,
        allowed("s3:GetObject", Condition=reads),
        allowed("s3:PutObjectTagging", Condition=tags),
        allowed("s3:ListBucket"),
    )
    client = caller.client("s3")

    def tagging(team: str) -> dict[str, Any]:
        return {"TagSet": [{"Key": "Team", "Value": team}]}

    assert [is_denied(client.get_object, Bucket=bucket, Key=team) for team in ("red", "blue")] == [False, True]
    put = [
        is_denied(client.put_object_tagging, Bucket=bucket, Key="red", Tagging=tagging(team))
        for team in ("red", "blue")
    ]
    assert put == [False, True]


def test_a_request_to_s3_tells_how_it_is_signed():
    """s3:authType and s3:signatureAge let a bucket refuse old presigned URLs.

    Source: Amazon S3 API reference, "Signature Version 4 policy keys".
    """
    query = {"X-Amz-Signature": "s", "X-Amz-Date": "20200101T000000Z"}
    presigned = S3Request("GET", "b", "k", query, {"HTTP_IF_MATCH": "e"})
    signed = S3Request("GET", "b", "k", {}, {"HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 x"})

    of_url, of_header = needs(presigned)[0].context, needs(signed)[0].context

    assert (of_url["s3:authType"], of_header["s3:authType"]) == ("REST-QUERY-STRING", "REST-HEADER")
    assert int(str(of_url["s3:signatureAge"])) > 1000
    assert of_url["s3:if-match"] == "e"


def test_a_policy_may_ask_for_the_caller_s_program(account):
    """aws:UserAgent is what the caller's HTTP request says; sessions have no second factor."""
    asks = {"StringLike": {"aws:UserAgent": "*example-test*"}, "Bool": {"aws:MultiFactorAuthPresent": "false"}}
    caller = Caller(account, allowed("sqs:ListQueues", Condition=asks))
    plain, named = caller.client("sqs"), caller.client("sqs", Config(user_agent_extra="example-test"))

    assert not is_denied(named.list_queues)
    assert is_denied(plain.list_queues)
