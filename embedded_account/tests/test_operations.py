"""What is not carried out is refused by name."""

import pytest
from botocore.exceptions import ClientError


@pytest.mark.parametrize(
    ("service", "method", "named", "given"),
    [
        ("ec2", "describe_instances", "ec2:DescribeInstances", {}),  # a service that is not there at all
        ("stepfunctions", "list_activities", "stepfunctions:ListActivities", {}),  # an operation of one that is
        ("events", "list_archives", "events:ListArchives", {}),
        # One whose permission is known.
        ("logs", "associate_kms_key", "logs:AssociateKmsKey", {"logGroupName": "g", "kmsKeyId": "key"}),
    ],
)
def test_an_operation_that_is_not_carried_out_is_refused_by_name(aws, service, method, named, given):
    """The caller reads NotImplemented and the operation's name, and never a pretended success."""
    with pytest.raises(ClientError, match=f"NotImplemented.*{named}"):
        getattr(aws(service), method)(**given)
