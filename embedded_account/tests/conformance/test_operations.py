"""Compares the answers of the operations that people's flows are made of with shapes that were written down of them.

`shapes/SERVICE.json` holds, of each operation and each error, the status, the Content-Type, the headers that clients
look at, and the members of the answer with their kinds. They were written down from the account's answers and read
against botocore's models and, for Lambda, recordings of AWS; not page by page against AWS's API references. After a
change that AWS's documentation backs:

    cd embedded_account/tests && python -m conformance.write
"""

import json
from pathlib import Path

import pytest
from conformance.calls import SERVICES, prepare
from conformance.shapes import differences, record
from embedded_account.pytest_plugin import RunningAccount

SHAPES = Path(__file__).with_name("shapes")
# Where the answer is not AWS's, and why it stays so. An entry that is not needed any more fails.
KNOWN = {
    "dynamodb UpdateItem": "moto tells the consumed capacity unasked",
    "dynamodb CreateTable": "moto's tables have no TableId",
    "dynamodb DescribeTable": "moto's tables have no TableId",
    "iam CreatePolicy": "moto does not count how often a policy is a boundary",
    "iam GetPolicy": "moto does not count how often a policy is a boundary",
    "iam GetPolicy NoSuchEntity": "moto's words",
    "s3 GetBucketPolicy": "the Content-Type of a policy is application/json on AWS",
}


@pytest.fixture(scope="module")
def prepared(account: RunningAccount) -> RunningAccount:
    """Give the account with what the calls of one service need of another."""
    prepare(account)
    return account


@pytest.mark.parametrize("service", SERVICES)
def test_answers_have_the_shapes_of_aws(prepared: RunningAccount, service: str) -> None:
    """No member, status, header or code more or less than AWS gives."""
    expected = json.loads((SHAPES / f"{service}.json").read_text(encoding="utf-8"))

    given = record(prepared.client(service), SERVICES[service]())

    wrong = {name: differences(expected.get(name), shape) for name, shape in given.items()}
    assert given.keys() == expected.keys()
    assert {name: where for name, where in wrong.items() if where and f"{service} {name}" not in KNOWN} == {}
    assert [name for name in wrong if f"{service} {name}" in KNOWN and not wrong[name]] == []


def test_every_shape_is_of_a_call_that_is_made() -> None:
    """No file of shapes is left over."""
    assert {path.stem for path in SHAPES.glob("*.json")} == set(SERVICES)
