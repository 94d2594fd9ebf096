"""The AWS calls that handlers make, read from their code."""

import ast
from collections.abc import Iterator
from functools import cache

import botocore.session
from botocore import xform_name

from tests.handlers.environment import HANDLERS

_SERVICES = ("s3", "dynamodb", "sagemaker", "sagemaker-runtime", "stepfunctions", "application-autoscaling", "sns")
_PAGINATED = {
    "aws/objects.py": "ListObjectsV2",
    "ledger/table.py": "Scan",
    "endpoints/scaling.py": "DescribeScalingPolicies",
}


def call_sites() -> set[tuple[str, str]]:
    """Return the files of handlers/ with the operations that each calls, as far as boto3 makes them."""
    return {
        (path.relative_to(HANDLERS).as_posix(), operation)
        for path in HANDLERS.rglob("*.py")
        if "prediction" not in path.parts  # it has a client of its own, and tests/handlers/test_aws_http.py
        for operation in _operations_in(ast.parse(path.read_text()), path.relative_to(HANDLERS).as_posix())
    }


def _operations_in(tree: ast.AST, file: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if node.attr == "get_paginator":
                yield _PAGINATED[file]
            elif node.attr in _operations():
                yield _operations()[node.attr]


@cache
def _operations() -> dict[str, str]:
    """Return the operations of the handlers' services by boto3's names for them."""
    session = botocore.session.get_session()
    named = {
        xform_name(one): one for service in _SERVICES for one in session.get_service_model(service).operation_names
    }
    return {name: one for name, one in named.items() if "_" in name or name == "publish"}
