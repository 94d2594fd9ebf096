"""A policy of a resource that nobody could read is refused when it is put, so that it locks nobody out."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.callers import Caller, allowed
from support.functions import Deployed

pytestmark = pytest.mark.account

BAD = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Permit", "Principal": "*", "Action": "*", "Resource": "*"}]}
)
ROOT = {"AWS": "arn:aws:iam::123456789012:root"}
NOBODY = {"AWS": "arn:aws:iam::123456789012:role/not-there"}
PLAIN = "def handler(event, context):\n    return 1\n"


def policy(principal: Any, action: Any, resource: Any = "*", **more: Any) -> str:
    """Return a policy of one statement that allows."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [{k: v for k, v in statement.items() if v is not None}]})


@pytest.fixture
def bucket(account: RunningAccount) -> str:
    """Give a bucket."""
    name = f"policed-{uuid.uuid4().hex[:8]}"
    account.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def topic(account: RunningAccount) -> str:
    """Give the ARN of a topic."""
    arn: str = account.client("sns").create_topic(Name=f"policed-{uuid.uuid4().hex[:8]}")["TopicArn"]
    return arn


def test_bad_policy_of_a_bucket_is_refused(account: RunningAccount) -> None:
    """The bucket stays usable. Source: Amazon S3 API reference, "Error responses": MalformedPolicy."""
    s3 = account.client("s3")
    s3.create_bucket(Bucket="ill-policed")

    with pytest.raises(ClientError, match=r"\(MalformedPolicy\).*Effect must be Allow or Deny"):
        s3.put_bucket_policy(Bucket="ill-policed", Policy=BAD)

    assert s3.list_objects_v2(Bucket="ill-policed")["KeyCount"] == 0


def test_bad_policy_of_a_queue_is_refused(account: RunningAccount) -> None:
    """The queue stays usable, made with the policy or changed to it."""
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="ill-policed")["QueueUrl"]

    with pytest.raises(ClientError, match="Invalid value for the parameter Policy"):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": BAD})
    with pytest.raises(ClientError, match="Invalid value for the parameter Policy"):
        sqs.create_queue(QueueName="never-made", Attributes={"Policy": BAD})

    assert sqs.send_message(QueueUrl=url, MessageBody="m")["MessageId"]


@pytest.mark.parametrize("text", ["some policy", BAD, '{"Statement": 1}'])
def test_bad_trust_policy_is_refused(account: RunningAccount, text: str) -> None:
    """A role is not made with one. Source: IAM API reference, CreateRole: MalformedPolicyDocument."""
    iam = account.client("iam")

    with pytest.raises(ClientError, match=r"\(MalformedPolicyDocument\)"):
        iam.create_role(RoleName="ill-trusted", AssumeRolePolicyDocument=text)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName="ill-trusted")


def test_bad_policy_of_a_topic_is_refused(account: RunningAccount) -> None:
    """The topic stays usable."""
    sns = account.client("sns")
    arn = sns.create_topic(Name="ill-policed")["TopicArn"]

    with pytest.raises(ClientError, match=r"\(InvalidParameter\).*Policy Error"):
        sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=BAD)

    assert sns.publish(TopicArn=arn, Message="m")["MessageId"]


def test_root_takes_back_a_policy_that_denies_everybody(account: RunningAccount) -> None:
    """Nobody is locked out for good. Source: IAM user guide, "Tasks that require root user credentials"."""
    s3, sqs = account.client("s3"), account.client("sqs")
    s3.create_bucket(Bucket="shut")
    url = sqs.create_queue(QueueName="shut")["QueueUrl"]
    deny = {"Effect": "Deny", "Principal": "*"}
    of_bucket = [deny | {"Action": "s3:*", "Resource": ["arn:aws:s3:::shut", "arn:aws:s3:::shut/*"]}]
    s3.put_bucket_policy(Bucket="shut", Policy=json.dumps({"Version": "2012-10-17", "Statement": of_bucket}))
    of_queue = {"Version": "2012-10-17", "Statement": [deny | {"Action": "sqs:*", "Resource": "*"}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(of_queue)})
    with pytest.raises(ClientError, match="explicit deny"):
        s3.put_object(Bucket="shut", Key="k", Body=b"")

    s3.delete_bucket_policy(Bucket="shut")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})

    s3.put_object(Bucket="shut", Key="k", Body=b"")
    sqs.send_message(QueueUrl=url, MessageBody="m")


@pytest.mark.parametrize(
    ("principal", "kept"),
    [
        ("123456789012", {"AWS": "arn:aws:iam::123456789012:root"}),
        ("arn:aws:iam::123456789012:role/tester", {"AWS": "arn:aws:iam::123456789012:role/tester"}),
        ("arn:aws:iam::123456789012:root", {"AWS": "arn:aws:iam::123456789012:root"}),
        ("events.amazonaws.com", {"Service": "events.amazonaws.com"}),
        ("*", "*"),
    ],
)
def test_permission_of_any_principal_leaves_the_function_open(
    function: Callable[..., Deployed], principal: str, kept: Any
) -> None:
    """AddPermission keeps the principal in the form of a policy, and whoever could invoke still can.

    Source: Lambda developer guide, "Granting Lambda function access to other accounts".
    """
    made = function(PLAIN)
    client, name = made.client, made.name

    client.add_permission(FunctionName=name, StatementId="s", Action="lambda:InvokeFunction", Principal=principal)

    statement = json.loads(client.get_policy(FunctionName=name)["Policy"])["Statement"][0]
    assert statement["Principal"] == kept
    assert made.invoke().value == 1


def test_permission_keeps_its_conditions(function: Callable[..., Deployed]) -> None:
    """Source, account and how a URL is used become conditions that are all looked at."""
    made = function(PLAIN)
    arn = "arn:aws:events:us-east-1:123456789012:rule/r"

    added = made.client.add_permission(
        FunctionName=made.name,
        StatementId="s",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=arn,
        SourceAccount="123456789012",
    )

    condition = {"ArnLike": {"AWS:SourceArn": arn}, "StringEquals": {"AWS:SourceAccount": "123456789012"}}
    assert json.loads(added["Statement"])["Condition"] == condition


def test_permission_of_nobody_is_refused(function: Callable[..., Deployed]) -> None:
    """A text that names no principal is told so, and the function stays open."""
    made = function(PLAIN)

    with pytest.raises(ClientError, match="The provided principal was invalid"):
        made.client.add_permission(
            FunctionName=made.name, StatementId="s", Action="lambda:InvokeFunction", Principal="somebody"
        )

    assert made.invoke().value == 1


BUCKET, OBJECTS = "arn:aws:s3:::{}", "arn:aws:s3:::{}/*"


@pytest.mark.parametrize(
    ("principal", "action", "resource", "message"),
    [
        ("*", "s3:HeadObject", OBJECTS, "Policy has invalid action: 's3:headobject'"),
        ("*", "s3:Gte*", OBJECTS, "Policy has invalid action"),
        ("*", "kms:Decrypt", OBJECTS, "Policy has invalid action"),
        ("*", "s3:GetObject", "arn:aws:s3:::another/*", "Policy has invalid resource: 'arn:aws:s3:::another"),
        ("*", "s3:GetObject", "{}/*", "Policy has invalid resource"),
        ("*", "s3:GetObject", BUCKET, r"Action does not apply to any resource\(s\) in statement"),
        ("*", ["s3:GetObject", "s3:ListBucket"], OBJECTS, "Action does not apply to any resource.*s3:listbucket"),
        ("*", "s3:ListAllMyBuckets", BUCKET, "Action does not apply"),
        (NOBODY, "s3:GetObject", OBJECTS, "Invalid principal in policy: .*role/not-there"),
        ({"AWS": "arn:aws:iam::123456789012:user/nobody"}, "s3:GetObject", OBJECTS, "Invalid principal in policy"),
        ({"AWS": "arn:aws:iam::123456789012:role/*"}, "s3:GetObject", OBJECTS, "Invalid principal in policy"),
        ({"AWS": "arn:aws:iam::123456789012:group/g"}, "s3:GetObject", OBJECTS, "Invalid principal in policy"),
        ({"AWS": "somebody"}, "s3:GetObject", OBJECTS, "Invalid principal in policy"),
        ({"Service": "lambda"}, "s3:GetObject", OBJECTS, "Invalid principal in policy"),
        ({"Role": "x"}, "s3:GetObject", OBJECTS, "Invalid principal in policy"),
        (None, "s3:GetObject", OBJECTS, "Missing required field Principal"),
    ],
)
def test_bucket_has_no_policy_of_what_is_not_there(
    account: RunningAccount, bucket: str, principal: Any, action: Any, resource: str, message: str
) -> None:
    """Actions, resources and principals are looked up. Source: S3 user guide, "Bucket policies"."""
    s3 = account.client("s3")

    with pytest.raises(ClientError, match=rf"\(MalformedPolicy\).*{message}"):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(principal, action, resource.format(bucket)))

    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=bucket)


@pytest.mark.parametrize(
    ("principal", "action", "resources"),
    [
        ("*", "s3:*", [BUCKET, OBJECTS]),
        ("*", "*", [BUCKET]),
        ("*", "s3:Get*", [BUCKET]),
        ("*", ["s3:getobject", "s3:ListBucket"], [BUCKET, OBJECTS]),
        ("*", ["s3:GetObject", "s3:ListBucket"], [f"{BUCKET}*"]),
        ("*", ["s3:GetObject", "s3:ListBucket"], ["*"]),
        ({"AWS": "999999999999"}, "s3:GetObjectVersionForReplication", [OBJECTS]),
        ({"AWS": "arn:aws:iam::999999999999:role/theirs"}, "s3:GetObject", ["arn:aws:s3:::{}/${{aws:username}}/*"]),
        (
            {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},
            "s3:GetObject",
            [OBJECTS],
        ),
        ({"Service": "delivery.logs.amazonaws.com"}, "s3:PutObject", [f"{BUCKET}/logs/*"]),
    ],
)
def test_policy_of_what_may_be_there_is_taken(
    account: RunningAccount, bucket: str, principal: Any, action: Any, resources: list[str]
) -> None:
    """Patterns, other accounts and actions that are permissions only are in order."""
    s3 = account.client("s3")
    wanted = policy(principal, action, [one.format(bucket) for one in resources])

    s3.put_bucket_policy(Bucket=bucket, Policy=wanted)

    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == wanted


def test_actions_that_are_left_out_are_of_s3_too(account: RunningAccount, bucket: str) -> None:
    """NotAction is looked up; what it leaves can be done to anything."""
    s3 = account.client("s3")
    unlike = {"NotAction": "s3:ListObjectsV2"}
    with pytest.raises(ClientError, match="Policy has invalid action: 's3:listobjectsv2'"):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy("*", None, OBJECTS.format(bucket), **unlike))

    wanted = policy("*", None, OBJECTS.format(bucket), NotAction="s3:ListBucket")
    s3.put_bucket_policy(Bucket=bucket, Policy=wanted)

    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == wanted


def test_queue_for_nobody_is_refused(account: RunningAccount) -> None:
    """SQS tells no more than that the policy is none. Source: SQS API reference, SetQueueAttributes."""
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="for-nobody")["QueueUrl"]

    with pytest.raises(ClientError, match=r"\(InvalidAttributeValue\).*Invalid value for the parameter Policy"):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(NOBODY, "sqs:SendMessage")})


@pytest.mark.parametrize("action", ["sns:CreateTopic", "sns:*", "sqs:SendMessage", "sns:SetSubscriptionAttributes"])
def test_topic_takes_actions_on_topics_alone(account: RunningAccount, topic: str, action: str) -> None:
    """Not even all of them at once. Source: SNS developer guide, "Access control use cases"."""
    sns = account.client("sns")

    with pytest.raises(ClientError, match=r"\(InvalidParameter\).*Policy statement action out of service scope!"):
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy(ROOT, action, topic))

    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=policy(ROOT, ["SNS:Publish", "sns:Receive"], topic)
    )


def test_topic_for_nobody_is_refused(account: RunningAccount, topic: str) -> None:
    """By SNS's word for it."""
    with pytest.raises(ClientError, match=r"\(InvalidParameter\).*Policy Error: PrincipalNotFound"):
        account.client("sns").set_topic_attributes(
            TopicArn=topic, AttributeName="Policy", AttributeValue=policy(NOBODY, "sns:Publish", topic)
        )


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (policy(NOBODY, "sts:AssumeRole", None), 'Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:role'),
        (
            policy({"Service": "sagemaker"}, "sts:AssumeRole", None),
            'Invalid principal in policy: "SERVICE":"sagemaker"',
        ),
        (policy(ROOT, "sts:*", None), "AssumeRole policy may only specify STS AssumeRole actions"),
        (policy(ROOT, "s3:GetObject", None), "AssumeRole policy may only specify STS AssumeRole actions"),
        (policy(ROOT, "sts:AssumeRole", "*"), "Has prohibited field Resource"),
        (policy(None, "sts:AssumeRole", None), "Missing required field Principal"),
    ],
)
def test_role_that_nobody_could_assume_is_refused(account: RunningAccount, document: str, message: str) -> None:
    """When it is made, and when its trust is changed. Source: IAM user guide, "Troubleshoot IAM roles"."""
    iam = account.client("iam")
    name = f"trusting-{uuid.uuid4().hex[:8]}"
    with pytest.raises(ClientError, match=rf"\(MalformedPolicyDocument\).*{message}"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)

    iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(ROOT, ["sts:AssumeRole", "sts:TagSession"], None))
    with pytest.raises(ClientError, match=rf"\(MalformedPolicyDocument\).*{message}"):
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=document)


def test_identity_may_be_allowed_what_no_service_has(account: RunningAccount) -> None:
    """IAM looks no actions up. Source: IAM user guide, "Troubleshoot IAM policies"."""
    caller = Caller(account, allowed("s3:NoSuchAction"), allowed("nosuchservice:*"))

    assert caller.role_arn


def test_key_for_nobody_is_refused(account: RunningAccount) -> None:
    """Those whom a key's policy names must exist; its actions need not. Source: KMS API reference, PutKeyPolicy."""
    kms = account.client("kms")
    with pytest.raises(ClientError, match=r"\(MalformedPolicyDocumentException\).*one or more invalid principals"):
        kms.create_key(Policy=policy(NOBODY, "kms:*"))

    assert kms.create_key(Policy=policy(ROOT, ["kms:*", "kms:NoSuchAction"]))["KeyMetadata"]["KeyId"]


def test_key_that_its_maker_could_not_change_is_refused(account: RunningAccount) -> None:
    """Unless the safety check is bypassed. Source: KMS developer guide, "Default key policy"."""
    kms = account.client("kms")
    locked = policy(ROOT, ["kms:DescribeKey", "kms:Create*"])
    with pytest.raises(ClientError, match="will not allow you to update the key policy in the future"):
        kms.create_key(Policy=locked)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    with pytest.raises(ClientError, match="will not allow you to update the key policy in the future"):
        kms.put_key_policy(KeyId=key, Policy=locked)

    kms.put_key_policy(KeyId=key, Policy=locked, BypassPolicyLockoutSafetyCheck=True)

    with pytest.raises(ClientError, match="not authorized to perform: kms:PutKeyPolicy"):
        kms.put_key_policy(KeyId=key, Policy=policy(ROOT, "kms:*"))


def test_role_makes_a_key_that_it_may_change(account: RunningAccount) -> None:
    """A policy that leaves the key to IAM asks the caller's own policies."""
    maker = Caller(account, allowed("kms:CreateKey"))
    left_to_iam = policy(ROOT, "kms:*")
    with pytest.raises(ClientError, match="will not allow you to update the key policy in the future"):
        maker.client("kms").create_key(Policy=left_to_iam)

    maker.allow(allowed("kms:CreateKey"), allowed("kms:PutKeyPolicy", "arn:aws:kms:us-east-1:123456789012:key/*"))

    assert maker.client("kms").create_key(Policy=left_to_iam)["KeyMetadata"]["KeyId"]


@pytest.mark.parametrize(
    "document", [BAD, policy(ROOT, "logs:PutLogEvents"), policy({"AWS": "es"}, "logs:PutLogEvents")]
)
def test_logs_take_services_and_accounts(account: RunningAccount, document: str) -> None:
    """An ARN is refused, as is what nobody could read. Source: CloudWatch Logs API reference, PutResourcePolicy."""
    logs = account.client("logs")
    with pytest.raises(ClientError, match=r"\(InvalidParameterException\).*Could not convert to persistable policy"):
        logs.put_resource_policy(policyName="p", policyDocument=document)

    for principal in ({"Service": "delivery.logs.amazonaws.com"}, {"AWS": "123456789012"}):
        logs.put_resource_policy(policyName="p", policyDocument=policy(principal, "logs:PutLogEvents"))
