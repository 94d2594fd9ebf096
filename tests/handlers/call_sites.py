"""The AWS calls that handlers make, read from their code."""

import ast
from collections.abc import Iterator
from functools import cache

import botocore.session
from botocore import xform_name

from tests.handlers.environment import HANDLERS

_SERVICES = (
    "s3", "dynamodb", "sagemaker", "sagemaker-runtime", "stepfunctions", "application-autoscaling", "sns", "logs",
    "cloudwatch",
)  # fmt: skip


def call_sites() -> set[tuple[str, str]]:
    """Return the files of handlers/ with the operations that each calls, as far as boto3 makes them."""
    return {
        (path.relative_to(HANDLERS).as_posix(), operation)
        for path in HANDLERS.rglob("*.py")
        if "prediction" not in path.parts  # it has a client of its own, and tests/handlers/test_aws_http.py
        for operation in _operations_in(ast.parse(path.read_text()))
    }


def _operations_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in _operations():
            yield _operations()[node.attr]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get_paginator":
            (operation,) = node.args
            assert isinstance(operation, ast.Constant)
            assert isinstance(operation.value, str)
            yield _every_operation()[operation.value]


@cache
def _operations() -> dict[str, str]:
    """Return the operations that boto3's names for them surely mean."""
    return {name: one for name, one in _every_operation().items() if "_" in name or name == "publish"}


@cache
def _every_operation() -> dict[str, str]:
    """Return the operations of the handlers' services by boto3's names for them."""
    session = botocore.session.get_session()
    return {xform_name(one): one for service in _SERVICES for one in session.get_service_model(service).operation_names}
