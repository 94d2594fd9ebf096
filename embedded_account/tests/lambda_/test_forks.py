"""Execution environments are forks of one process a set of layers, and nobody can tell but by the time they take."""

import os
import signal

import psutil
import pytest
from embedded_account.forks.server import IS_SUPPORTED
from support.functions import archive
from support.waiting import eventually

pytestmark = pytest.mark.skipif(not IS_SUPPORTED, reason="execution environments are forks on Linux alone")

LAYER = "import os\npid = os.getpid()\n"
SOURCE = """
import os, sys, shared
def handler(event, context):
    return {
        "pid": os.getpid(), "imported_by": shared.pid, "argv": sys.argv, "folder": os.getcwd(), "path": sys.path[0],
        "variables": dict(os.environ), "session": os.getsid(0), "open": len(os.listdir("/proc/self/fd")),
    }
"""


def _layer(aws):
    answer = aws("lambda").publish_layer_version(
        LayerName="forked", Content={"ZipFile": archive({"python/shared.py": LAYER})}
    )
    return answer["LayerVersionArn"]


def test_what_one_environment_imports_of_a_layer_serves_the_next(function, aws):
    """A layer's module is imported once, then shared; each environment is a process of its own all the same."""
    layer = _layer(aws)
    first = function(SOURCE, Layers=[layer]).invoke().value

    second = function(SOURCE, Layers=[layer]).invoke().value

    assert first["imported_by"] == first["pid"]
    assert second["imported_by"] not in {first["pid"], second["pid"]}
    assert second["pid"] != first["pid"]


def test_aws_data_files_are_read_once_for_all_environments(function, aws):
    """A service's model is parsed once for all environments; each has a content of its own, which it may change."""
    source = """
import os, boto3
from botocore.loaders import JSONFileLoader
whole = JSONFileLoader._load_file
parsed = []
def load(self, path, *rest):
    content = whole(self, path, *rest)
    if content is not None: parsed.append(os.path.basename(os.path.dirname(os.path.dirname(path))))
    return content
JSONFileLoader._load_file = load
sessions = [boto3.session.Session(region_name="us-east-1") for _ in range(2)]
shapes = [len(one.client("events").meta.service_model.shape_names) for one in sessions]
def handler(event, context): return {"parsed": parsed.count("events"), "shapes": shapes}
"""
    layer = _layer(aws)
    first = function(source, Layers=[layer]).invoke().value

    second = function(source, Layers=[layer]).invoke().value

    assert first["shapes"] == second["shapes"] == [first["shapes"][0]] * 2
    assert second["parsed"] < first["parsed"]


def test_a_fork_is_as_a_process_that_was_started(function, aws):
    """It leads its own session in the task root, with its own variables alone and no descriptor of a neighbour.

    Source: Lambda developer guide, "Understanding the Lambda execution environment lifecycle".
    """
    one, other = (
        function(SOURCE, Layers=[_layer(aws)], Environment={"Variables": {name: "1"}}).invoke().value
        for name in ("ONE", "OTHER")
    )

    assert other["session"] == other["pid"]
    assert other["folder"] == other["path"] == other["variables"]["LAMBDA_TASK_ROOT"]
    assert "OTHER" in other["variables"]
    assert "ONE" not in other["variables"]
    assert other["argv"] == ["awslambdaric", "app.handler"]
    assert other["open"] == one["open"] < 12


def test_random_numbers_of_two_forks_differ(function):
    """Each process has a seed of its own."""
    source = "import random\nnumber = random.random()\ndef handler(e, c): return number"

    assert function(source).invoke().value != function(source).invoke().value


def test_a_fork_that_exits_is_reported_with_its_status(function):
    """The exit status reaches the caller as AWS words it.

    Source: Lambda developer guide, "Understanding the Lambda execution environment lifecycle".
    """
    answer = function("import os\ndef handler(e, c): os._exit(7)").invoke()

    assert answer.error == "Unhandled"
    assert "exit status 7" in answer.value["errorMessage"]


def test_a_lost_server_is_replaced_and_its_forks_end(function):
    """Killing the process that forks loses no invocation to come."""
    tested = function("import os\ndef handler(e, c): return os.getppid(), os.getpid()")
    server, before = tested.invoke().value
    os.kill(server, signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(before) or psutil.Process(before).status() == psutil.STATUS_ZOMBIE)

    new_server, after = tested.invoke().value

    assert after != before
    assert new_server != server
