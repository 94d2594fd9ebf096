"""Says of every scenario that others recorded of AWS which test replays it, or why none does.

The recordings lie beside a checkout and not in it.
"""

import json
import re
from functools import cache
from pathlib import Path

import pytest
from conformance.recordings import FOLDER, files

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpora are not beside this checkout")

_TESTS = Path(__file__).resolve().parents[1]
# The tests that name the scenarios which they replay.
_REPLAYS = {
    "test_callback.json": "stepfunctions/test_recorded.py",
    "test_lambda_task_service.json": "stepfunctions/test_recorded.py",
    "test_change_sets.json": "cloudformation/test_recorded.py",
    "test_lambda.json": "lambda_/test_recorded.py",
    "test_events_patterns.json": "conformance/test_event_patterns.py",
}
# Replayed by tests that find their scenarios by a pattern: of the scenario's name, and the test.
_BY_PATTERN = {
    r"test_event_pattern\[\w+_EXC\]": "conformance/test_event_patterns.py",
    r"test_event_pattern\[(?!complex_many|dynamodb|minimal|nested|sample1)": "conformance/test_event_matches.py",
    r"test_invalid_json_event_pattern\[": "conformance/test_event_patterns.py",
    r"test_(plain_string|invalid_event|array_event)_payload": "conformance/test_event_patterns.py",
    r"test_put_events_with_rule_pattern_": "conformance/test_event_patterns.py",
    r"test_lambda_url_invocation\[": "lambda_/test_urls.py",
    r"test_lambda_invoke_payload_encoding_error": "lambda_/test_recorded.py",
    r"test_invoke_json_values\[": "stepfunctions/test_recorded.py",
    r"test_(basic_invoke|function_state|upload_lambda_from_s3)$": "conformance/test_operations.py",
}
_INSIDE = "what a function finds of its machine: functions run on this one, by the user"
_HELD_OTHERWISE = "its steps need minutes or a peer's own fixtures; the behaviour is tested in the service's folder"
# Of what is not replayed: the scenario's name and the reason.
_REASONS = {
    r"test_event_pattern\[|test_event_pattern_source|test_event_with_large|test_put_event_with_content_base": (
        "the recording holds no pattern, only whether it matched; test_event_matches.py has each kind"
    ),
    r"\[nodejs|runtime_wrapper": "Node.js and wrapper scripts are not carried out",
    r"\[python3\.9\]": "an older recording of what the one for Python 3.10 shows",
    r"url_(echo|headers|form|non_existing|persists|permission)|permission_url|url_invocation_(custom|exception)": (
        "URLs of AuthType NONE are refused, and these were called without a signature"
    ),
    r"url_invalid_invoke|update_function_url|invoke_url|response_streaming": (
        "streamed answers are refused; test_urls.py holds the settings of URLs"
    ),
    r"cross_account|MultiAccounts": "there is one account",
    r"introspection|ulimits|init_environment|iam_keys|_environment$|with_context|architecture|assume_role": _INSIDE,
    r"cache_local|no_timeout|large_(payloads|response)|exit_segfault|host_prefix": (
        "the recording holds nothing but what other scenarios hold"
    ),
    r"request_id|event_error|async|during_invoke|recreate|timed_out_environment|invocation_type_(event|request)": (
        _HELD_OTHERWISE
    ),
    r"concurrency|handler_update|routingconfig": (
        "test_versions.py and test_concurrency.py hold versions, qualifiers, weights and both kinds of concurrency"
    ),
    r"start_execution_sync|sync_with_task_token": "test_tasks.py holds the tasks of executions that are waited for",
    r"heartbeat_notifications|call_chain|sns_publish|no_token|PARALLEL": _HELD_OTHERWISE,
    r"test_invoke_bytes|unsupported_param": "as test_invoke with another constant, and with LogType beside the payload",
    r"list_functions": "the recording is empty; test_definitions.py refuses what no integration has",
    r"static_update|unrelated_property|with_ref|string_ref|ssm_parameter|failed_change_set|list_change|queue_update": (
        "the recording does not hold the templates of its steps; cloudformation/test_change_sets.py has such"
    ),
}


@cache
def _text(test: str) -> str:
    return (_TESTS / test).read_text(encoding="utf-8")


def _told(file: str, scenario: str) -> str:
    """Return the test that replays a scenario, or the reason why none does; "" for neither."""
    if scenario in _text(_REPLAYS[file]) or scenario.rpartition("::test_")[2] in _text(_REPLAYS[file]):
        return _REPLAYS[file]
    table = _BY_PATTERN | _REASONS
    return next((what for pattern, what in table.items() if re.search(pattern, scenario)), "")


@pytest.mark.parametrize("file", files() if FOLDER.is_dir() else ["none"])
def test_each_scenario_is_replayed_or_has_its_reason(file: str) -> None:
    """No recording of AWS lies beside us that nobody has looked at."""
    recorded = json.loads((FOLDER / file).read_text(encoding="utf-8"))
    scenarios = [name.split("::", 1)[1] for name in recorded]

    assert [name for name in scenarios if not _told(file, name)] == []


def test_each_test_that_is_named_is_there() -> None:
    """A scenario is held by a test that exists."""
    named = {*_REPLAYS.values(), *_BY_PATTERN.values()}

    assert [name for name in named if not (_TESTS / name).is_file()] == []
