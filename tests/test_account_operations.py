"""The operations that this product calls are held to AWS's shapes in the account, or by a test that is named."""

import ast
import json
from functools import cache
from pathlib import Path

from botocore import xform_name
from botocore.session import Session

ROOT = Path(__file__).resolve().parents[1]
_SHAPES = ROOT / "embedded_account" / "tests" / "conformance" / "shapes"
_OURS = ("handlers", "ops", "training", "inference", "statemachine", "deploy.py")
# Held elsewhere in the account's tests, since they need what takes seconds to be there.
_ELSEWHERE = {
    "continue_update_rollback": "cloudformation/test_stack_failures.py",
    "rollback_stack": "cloudformation/test_stack_failures.py",
    "delete_change_set": "cloudformation/test_change_sets.py",
    "describe_stack_resource": "cloudformation/test_stacks.py",
    "list_stack_resources": "cloudformation/test_stacks.py",
    "create_endpoint": "sagemaker/endpoints",
    "update_endpoint": "sagemaker/endpoints",
    "put_scaling_policy": "autoscaling",
    "put_scheduled_action": "autoscaling",
    "get_metric_data": "cloudwatch/test_cloudwatch.py",
}
# Refused by the account, which a command says in a line: IAM's last-accessed data.
_REFUSED = {"generate_service_last_accessed_details", "get_service_last_accessed_details"}
# Words of ours that are methods of boto3 too.
_WORDS = {"search", "verify", "create_connection", "create_trial", "list_commands"}


@cache
def _methods() -> frozenset[str]:
    """Return the methods of boto3's clients of the services that have shapes."""
    session = Session()
    models = (session.get_service_model(path.stem) for path in _SHAPES.glob("*.json"))
    return frozenset(xform_name(name) for model in models for name in model.operation_names)


def _called() -> set[str]:
    """Return the methods of boto3 that are named anywhere in the product's code."""
    files = [
        file for name in _OURS for file in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
    ]
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    named = {node.attr if isinstance(node, ast.Attribute) else getattr(node, "value", None) for node in nodes}
    return {name for name in named if isinstance(name, str)} & _methods() - _WORDS


def test_every_operation_that_is_called_is_held_to_aws() -> None:
    """A new call of boto3 gets a shape, or the name of the test that holds its answer."""
    shapes = (json.loads(path.read_text(encoding="utf-8")) for path in _SHAPES.glob("*.json"))
    held = {xform_name(name.partition(" ")[0]) for shape in shapes for name in shape}

    assert _called() - held - _ELSEWHERE.keys() - _REFUSED == set()


def test_tests_that_hold_the_others_are_there() -> None:
    """Each place that is named exists."""
    tests = ROOT / "embedded_account" / "tests"

    assert [name for name in _ELSEWHERE.values() if not (tests / name).exists()] == []
