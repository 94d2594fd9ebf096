"""Tests of what becomes of the lines that an execution environment prints."""

from embedded_account.account import Account
from embedded_account.lambda_.logs import EnvironmentLog
from embedded_account.logs import has_group
from moto.logs.models import logs_backends
from support.roles import new_role_in

GROUP = "/aws/lambda/of-a-test-of-logs"


def test_a_deleted_log_group_does_not_come_back(bare_account: Account) -> None:
    """The last lines of an environment are dropped when its group went with the stack, so the name is free again."""
    backend = logs_backends[bare_account.account_id][bare_account.region]
    backend.create_log_group(GROUP, tags={})
    log = EnvironmentLog(bare_account, GROUP, "$LATEST", new_role_in(bare_account), "tested")
    backend.delete_log_group(GROUP)

    log.say("the last words")
    log.flush()

    assert not has_group(bare_account, GROUP)


def test_a_missing_log_group_is_made(bare_account: Account) -> None:
    """A function without a group of its own gets one with its first line.

    Source: Lambda developer guide, "Sending Lambda function logs to CloudWatch Logs".
    """
    log = EnvironmentLog(bare_account, GROUP, "$LATEST", new_role_in(bare_account), "tested")

    log.say("the first words")
    log.flush()

    assert has_group(bare_account, GROUP)
    logs_backends[bare_account.account_id][bare_account.region].delete_log_group(GROUP)
