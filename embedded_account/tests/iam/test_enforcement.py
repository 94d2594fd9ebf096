"""Permissions in the running account: what a client is answered."""

import json
import uuid
from typing import Any

import boto3
import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from support.callers import ONCE, Caller, allowed
from support.functions import make_function
from support.queues import messages, new_queue
from support.roles import EVERYTHING

pytestmark = pytest.mark.account


def refusal(call: Any, *arguments: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError, match="An error occurred") as caught:
        call(*arguments, **parameters)
    error = caught.value.response["Error"]
    return error["Code"], error.get("Message", "")


def test_a_refusal_reads_as_aws_writes_it(account):
    """Who may not do what on which resource, and why.

    Source: IAM user guide, "Troubleshoot access denied error messages".
    """
    caller = Caller(account, allowed("sagemaker:ListModels"))

    code, message = refusal(caller.client("sagemaker").describe_endpoint, EndpointName="pets")

    assert code == "AccessDeniedException"
    assert message == (
        f"User: {caller.arn} is not authorized to perform: sagemaker:DescribeEndpoint on resource: "
        "arn:aws:sagemaker:us-east-1:123456789012:endpoint/pets because no identity-based policy allows the "
        "sagemaker:DescribeEndpoint action"
    )


@pytest.mark.parametrize(
    ("service", "call", "parameters", "code"),
    [
        ("s3", "list_objects_v2", {"Bucket": "none"}, "AccessDenied"),
        ("iam", "list_roles", {}, "AccessDenied"),
        ("sqs", "list_queues", {}, "AccessDenied"),
        ("sns", "publish", {"TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Message": "m"}, "AuthorizationError"),
        ("dynamodb", "list_tables", {}, "AccessDeniedException"),
        ("stepfunctions", "list_state_machines", {}, "AccessDeniedException"),
        ("lambda", "list_functions", {}, "AccessDeniedException"),
        ("lambda", "invoke", {"FunctionName": "f"}, "AccessDeniedException"),
        ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "e", "Body": b""}, "AccessDeniedException"),
        ("events", "list_rules", {}, "AccessDeniedException"),
        ("scheduler", "list_schedules", {}, "AccessDeniedException"),
        ("logs", "describe_log_groups", {}, "AccessDeniedException"),
        ("cloudwatch", "describe_alarms", {}, "AccessDenied"),
        ("cloudformation", "list_stacks", {}, "AccessDenied"),
        ("application-autoscaling", "describe_scalable_targets", {"ServiceNamespace": "sagemaker"}, "AccessDenied"),
        ("ssm", "describe_parameters", {}, "AccessDeniedException"),
    ],
)
def test_every_service_refuses_a_caller_without_permission(account, service, call, parameters, code):
    """By default all requests are denied, in each service's own words.

    Source: each service's API reference, "Common errors".
    """
    refused, _ = refusal(getattr(_powerless(account).client(service), call), **parameters)

    assert refused.startswith(code)


_callers: dict[str, Caller] = {}


def _powerless(account: Any) -> Caller:
    if account.info.url not in _callers:
        _callers[account.info.url] = Caller(account, allowed("xray:PutTraceSegments"))
    return _callers[account.info.url]


def test_who_one_is_may_always_be_asked(account):
    """No permissions are required for GetCallerIdentity.

    Source: STS API reference, GetCallerIdentity.
    """
    caller = _powerless(account)

    assert caller.client("sts").get_caller_identity()["Arn"] == caller.arn


@pytest.mark.parametrize(
    ("service", "call", "codes"),
    [
        ("s3", "list_buckets", ("InvalidAccessKeyId", "SignatureDoesNotMatch")),
        ("iam", "list_roles", ("InvalidClientTokenId", "SignatureDoesNotMatch")),
        ("sagemaker", "list_models", ("UnrecognizedClientException", "InvalidSignatureException")),
        ("lambda", "list_functions", ("UnrecognizedClientException", "InvalidSignatureException")),
    ],
)
def test_unknown_keys_and_wrong_secrets_are_refused(account, service, call, codes):
    """Each protocol names the two faults in its own way.

    Source: each service's API reference, "Common errors".
    """
    caller = _powerless(account)
    unknown = caller.client(service, aws_access_key_id="ASIAUNKNOWNUNKNOWN00")
    wrong = caller.client(service, aws_secret_access_key="guessed")

    assert refusal(getattr(unknown, call))[0] == codes[0]
    assert refusal(getattr(wrong, call))[0] == codes[1]


def test_an_unsigned_request_is_refused(account):
    """No bucket is public, whatever its policy says of anyone.

    Source: Amazon S3 API reference, "Authenticating Requests (AWS Signature Version 4)".
    """
    session = botocore.session.get_session()
    anonymous: Any = session.create_client(
        "s3", region_name="us-east-1", endpoint_url=account.info.url, config=Config(signature_version=UNSIGNED)
    )

    assert refusal(anonymous.list_buckets) == ("AccessDenied", "Access Denied")


def test_passing_a_role_needs_permission_for_its_service(account):
    """iam:PassRole with iam:PassedToService of another service is not enough.

    Source: IAM user guide, "Grant a user permissions to pass a role to an AWS service".
    """
    role_arn = account.role(f"passed-{uuid.uuid4().hex[:8]}")
    to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    caller = Caller(account, allowed("sagemaker:*"), allowed("iam:PassRole", role_arn, Condition=to_lambda))
    request = {"ModelName": "m", "ExecutionRoleArn": role_arn, "PrimaryContainer": {"Image": "i"}}

    code, message = refusal(caller.client("sagemaker").create_model, **request)

    assert code == "AccessDeniedException"
    assert f"iam:PassRole on resource: {role_arn}" in message


def test_a_bucket_policy_may_allow_and_deny(account):
    """In one account the resource's policy is enough to allow; its denials hold for root as well.

    Source: IAM user guide, "Policy evaluation logic".
    """
    s3, bucket = account.client("s3"), f"policed-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="secret", Body=b"x")
    caller = Caller(account, allowed("xray:PutTraceSegments"))
    whole = f"arn:aws:s3:::{bucket}/*"
    allow = {"Effect": "Allow", "Principal": {"AWS": caller.role_arn}, "Action": "s3:GetObject", "Resource": whole}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": whole}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [allow, deny]}))

    assert caller.client("s3").get_object(Bucket=bucket, Key="secret")["Body"].read() == b"x"
    assert refusal(s3.put_object, Bucket=bucket, Key="secret", Body=b"y")[0] == "AccessDenied"


def test_a_missing_object_shows_only_to_whom_may_list(account):
    """Without s3:ListBucket the answer is 403, with it 404.

    Source: Amazon S3 API reference, GetObject.
    """
    bucket = f"listed-{uuid.uuid4().hex[:8]}"
    account.client("s3").create_bucket(Bucket=bucket)
    caller = Caller(account, allowed("s3:GetObject"))

    assert refusal(caller.client("s3").get_object, Bucket=bucket, Key="none")[0] == "AccessDenied"
    caller.allow(allowed(["s3:GetObject", "s3:ListBucket"]))
    assert refusal(caller.client("s3").get_object, Bucket=bucket, Key="none")[0] == "NoSuchKey"


def test_listing_is_bound_to_its_prefix(account):
    """A condition on s3:prefix holds for ListObjectsV2.

    Source: Amazon S3 user guide, "Bucket policy examples using condition keys".
    """
    bucket = f"prefixed-{uuid.uuid4().hex[:8]}"
    account.client("s3").create_bucket(Bucket=bucket)
    caller = Caller(account, allowed("s3:ListBucket", Condition={"StringLike": {"s3:prefix": "runs/*"}}))

    assert caller.client("s3").list_objects_v2(Bucket=bucket, Prefix="runs/1")["KeyCount"] == 0
    assert refusal(caller.client("s3").list_objects_v2, Bucket=bucket, Prefix="other/")[0] == "AccessDenied"


def test_a_role_is_assumed_only_by_whom_it_trusts(account):
    """Being allowed sts:AssumeRole is not enough where the trust policy names someone else.

    Source: IAM user guide, "Roles terms and concepts", trust policy.
    """
    role_arn = account.role(f"trusting-{uuid.uuid4().hex[:8]}", services=("lambda",))
    caller = Caller(account, allowed("sts:AssumeRole"))

    assert refusal(caller.client("sts").assume_role, RoleArn=role_arn, RoleSessionName="test")[0] == "AccessDenied"


def test_a_session_policy_takes_away(account):
    """A session may do what both its role and the policy given to AssumeRole allow.

    Source: IAM user guide, "Policies and permissions in AWS Identity and Access Management", session policies.
    """
    only_read = json.dumps({"Version": "2012-10-17", "Statement": [allowed("s3:ListAllMyBuckets")]})
    caller = Caller(account, EVERYTHING, Policy=only_read)

    assert "Buckets" in caller.client("s3").list_buckets()
    assert "no session policy allows" in refusal(caller.client("sagemaker").list_models)[1]


def test_a_user_acts_with_keys_of_its_own(account):
    """An IAM user's policies, and aws:username in them, decide.

    Source: IAM user guide, "IAM policy elements: Variables and tags".
    """
    iam, name = account.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    document = {
        "Version": "2012-10-17",
        "Statement": [allowed("s3:CreateBucket", "arn:aws:s3:::${aws:username}-*")],
    }
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(document))
    s3 = account.client("s3")
    own = boto3.session.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1").client(
        "s3", endpoint_url=account.info.url, config=ONCE
    )

    own.create_bucket(Bucket=f"{name}-pets")

    assert refusal(own.create_bucket, Bucket="of-someone-else")[0] == "AccessDenied"
    s3.delete_bucket(Bucket=f"{name}-pets")


def test_user_that_names_none_is_the_caller(account):
    """Who may manage their own keys need not say whose. Source: IAM API reference, ListAccessKeys: UserName."""
    iam, name = account.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    statement = allowed(["iam:ListAccessKeys", "iam:CreateAccessKey"], "arn:aws:iam::*:user/${aws:username}")
    document = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(document))
    own = boto3.session.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1").client(
        "iam", endpoint_url=account.info.url, config=ONCE
    )

    made = own.create_access_key()["AccessKey"]
    listed = own.list_access_keys()["AccessKeyMetadata"]

    assert {each["AccessKeyId"] for each in listed} == {key["AccessKeyId"], made["AccessKeyId"]}
    assert refusal(own.list_access_keys, UserName="another")[0] == "AccessDenied"


def test_a_function_needs_a_role_that_lambda_may_assume(account):
    """The trust policy is looked at when the role is handed over.

    Source: Lambda developer guide, "Defining Lambda function permissions with an execution role".
    """
    role_arn = account.role(f"foreign-{uuid.uuid4().hex[:8]}", services=("states",))

    function = {"FunctionName": "f", "Runtime": "python3.11", "Handler": "app.handler", "Code": {"ZipFile": b"zip"}}

    code, message = refusal(account.client("lambda").create_function, Role=role_arn, **function)

    assert code == "InvalidParameterValueException"
    assert message == "The role defined for the function cannot be assumed by Lambda."


def test_a_rule_invokes_a_function_only_with_its_permission(account):
    """Without a Lambda permission the event goes to the dead-letter queue, with the reason.

    Source: EventBridge user guide, "Using resource-based policies for Amazon EventBridge".
    """
    function, dead = make_function(account, "def handler(e, c): return 1"), new_queue(account)
    events, name = account.client("events"), f"rule-{uuid.uuid4().hex[:8]}"
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    arn = account.client("lambda").get_function(FunctionName=function.name)["Configuration"]["FunctionArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn, "DeadLetterConfig": {"Arn": dead.arn}}])

    events.put_events(Entries=[{"Source": name, "DetailType": "d", "Detail": '{"n": 1}'}])

    (body,) = messages(account, dead, at_least=1)
    assert json.loads(body)["detail"] == {"n": 1}


@pytest.mark.slow
def test_a_schedule_sends_to_its_dead_letters_as_its_role(account_at_speed):
    """Scheduler delivers, and buries what it could not deliver, with the schedule's own role.

    Source: EventBridge Scheduler user guide, "Configuring a dead-letter queue for EventBridge Scheduler".
    """
    account = account_at_speed(60.0)
    queue, dead = new_queue(account), new_queue(account)
    account.client("sqs").set_queue_attributes(QueueUrl=dead.url, Attributes={"Policy": ""})
    send = allowed("sqs:SendMessage", dead.arn)
    role_arn = account.role(f"schedule-{uuid.uuid4().hex[:8]}", send, services=("scheduler",))
    scheduler, name = account.client("scheduler"), f"schedule-{uuid.uuid4().hex[:8]}"
    scheduler.create_schedule(
        Name=name,
        ScheduleExpression="cron(* * * * ? *)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": queue.arn,
            "RoleArn": role_arn,
            "Input": '"tick"',
            "DeadLetterConfig": {"Arn": dead.arn},
            "RetryPolicy": {"MaximumRetryAttempts": 0},
        },
    )
    try:
        assert messages(account, dead, at_least=1, seconds=75)[0] == '"tick"'
    finally:
        scheduler.delete_schedule(Name=name)


def test_an_operation_of_an_unknown_service_is_refused_by_name(account):
    """Even root is told which service and operation is not there."""
    code, message = refusal(account.client("secretsmanager").list_secrets)

    assert code == "NotImplemented"
    assert "secretsmanager:ListSecrets" in message


def test_a_role_tells_when_it_was_used_last(account: Any) -> None:
    """RoleLastUsed is empty until the first request with the role's credentials.

    Source: IAM API reference, RoleLastUsed.
    """
    iam, name = account.client("iam"), f"used-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    assert iam.get_role(RoleName=name)["Role"]["RoleLastUsed"] == {}

    given = account.client("sts").assume_role(RoleArn=arn, RoleSessionName="used")["Credentials"]
    keys = {"aws_access_key_id": given["AccessKeyId"], "aws_secret_access_key": given["SecretAccessKey"]}
    session = boto3.Session(**keys, aws_session_token=given["SessionToken"], region_name="us-east-1")
    with pytest.raises(ClientError, match="AccessDenied"):
        session.client("iam", endpoint_url=account.info.url).list_roles()

    last = iam.get_role(RoleName=name)["Role"]["RoleLastUsed"]
    assert last["Region"] == "us-east-1"
    assert last["LastUsedDate"] >= iam.get_role(RoleName=name)["Role"]["CreateDate"]
