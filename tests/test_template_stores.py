"""What template.yaml keeps things in: bucket, table, queues and topic are encrypted, closed to others, and kept."""

from ops.stack.expand_template import read_template
from tests.template_resources import Resource, of_type, refers_to


def test_the_data_bucket_is_private_encrypted_and_kept(resources: dict[str, Resource]) -> None:
    """No public access in any way, AES-256, TLS only, events on, and it outlives the stack."""
    bucket = resources["DataBucket"]

    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert properties["NotificationConfiguration"]["EventBridgeConfiguration"]["EventBridgeEnabled"] is True
    lifecycle = properties["LifecycleConfiguration"]["Rules"]
    assert {rule.get("Prefix") for rule in lifecycle} >= {"runs/", "staged/"}
    assert {rule.get("Prefix"): rule.get("ExpirationInDays") for rule in lifecycle}["captured/"] == 30
    assert any("AbortIncompleteMultipartUpload" in rule for rule in lifecycle)
    assert "BucketName" not in properties, "a kept bucket must not block the next stack of the same name"


def test_a_live_model_is_never_expired(resources: dict[str, Resource]) -> None:
    """An endpoint loads its model from runs/ whenever autoscaling adds an instance."""
    rules = resources["DataBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]

    for rule in rules:
        if "runs/".startswith(rule.get("Prefix", "")) or rule.get("Prefix", "").startswith("runs/"):
            assert "ExpirationInDays" not in rule


def test_no_resource_policy_lets_everyone_in(resources: dict[str, Resource]) -> None:
    """Principal "*" is only ever denied, for want of TLS; every queue, topic and bucket says so."""
    policies = [
        resource["Properties"]["PolicyDocument"]["Statement"]
        for resource in resources.values()
        if resource["Type"] in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")
    ]

    assert len(policies) == 5
    for policy in policies:
        for statement in policy:
            assert statement["Effect"] == "Deny" or "Service" in statement["Principal"], statement
            assert statement["Effect"] == "Deny" or "Condition" in statement, statement
        assert {"Bool": {"aws:SecureTransport": "false"}} in [
            s.get("Condition") for s in policy if s["Effect"] == "Deny"
        ]


def test_stores_state_their_encryption(resources: dict[str, Resource]) -> None:
    """Table and queues are encrypted, the table can be restored to a point in time and expires items."""
    table = resources["Table"]["Properties"]

    assert table["SSESpecification"]["SSEEnabled"] is True
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ExpiresAt", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert all(queue["SqsManagedSseEnabled"] is True for queue in of_type(resources, "AWS::SQS::Queue").values())


def test_the_topic_is_encrypted_by_a_key_of_the_stack(resources: dict[str, Resource]) -> None:
    """By default the stack's own key encrypts notifications; it rotates, and its deletion waits AWS's least."""
    key = resources["TopicEncryptionKey"]

    assert refers_to(resources["Topic"]["Properties"]["KmsMasterKeyId"], "TopicEncryptionKey")
    assert read_template()["Parameters"]["TopicKey"]["Default"] == "own"
    assert key["Condition"] == "HasOwnTopicKey"
    assert key["Properties"]["EnableKeyRotation"] is True
    assert key["Properties"]["PendingWindowInDays"] == 7


def test_the_topic_key_is_used_through_sns_for_the_topic(resources: dict[str, Resource]) -> None:
    """For the topic alone: alarms of this stack, budgets of the account, and its roles through SNS."""
    statements = resources["TopicEncryptionKey"]["Properties"]["KeyPolicy"]["Statement"]
    uses = {"kms:Decrypt", "kms:GenerateDataKey*"}
    of_use = {one["Sid"]: one["Condition"] for one in statements if uses & set(one["Action"])}

    assert set(of_use) == {"Publishers", "Alarms", "Budget"}
    for condition in of_use.values():
        topics = condition["ArnLike"]["kms:EncryptionContext:aws:sns:topicArn"]["Fn::Sub"]
        assert topics.endswith(":${AWS::StackName}-Topic-*")
    assert set(of_use["Publishers"]["StringEquals"]) == {"kms:ViaService"}
    assert of_use["Alarms"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert of_use["Alarms"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"].endswith(":alarm:${AWS::StackName}-*")
    assert of_use["Budget"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert not [action for one in statements for action in one["Action"] if action in ("kms:*", "*")]
