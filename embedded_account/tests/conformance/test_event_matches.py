"""Decides what the recorded scenarios are about that hold no pattern: the name says what is asked and what AWS said.

`_NEG` at a name's end: the event does not match. Patterns and events are ours, of the kind that the name tells.
"""

import json
import re
from typing import Any

import pytest
from conformance.recordings import FOLDER, scenarios
from embedded_account.events.pattern_rules import parsed
from embedded_account.events.patterns import matches

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpora are not beside this checkout")

_BUT, _ONLY_CASE = "anything-but", "equals-ignore-case"
_INIT = {"a": "init-x"}
_OR = {"$or": [{"a": [{"numeric": [">", 0, "<=", 5]}]}, {"b": [{"numeric": ["<", 10]}]}]}
_KEPT = {"h": {"S": [{_BUT: ["roses"]}, {"exists": False}]}}
_ABOVE = {"a": [{"numeric": [">", 100]}]}
_BETWEEN = {"a": [{"numeric": [">", 0, "<=", 5]}], "b": [{"numeric": ["=", 3.018e2]}]}
_MANY = {"a": [{_BUT: "x"}], "b": [{"numeric": [">", 0, "<=", 5]}], "c": [{_BUT: [100, 200]}]}
_EXCLUDED: dict[str, tuple[Any, Any]] = {  # what is excluded: one value, and several
    "string": ("init-x", ["init-x", "y"]),
    "number": (5, [5, 6]),
    "ignorecase": ({_ONLY_CASE: "INIT-X"}, {_ONLY_CASE: ["INIT-X", "y"]}),
    "prefix": ({"prefix": "init"}, {"prefix": ["init", "y"]}),
    "suffix": ({"suffix": "-x"}, {"suffix": ["-x", "y"]}),
    "wildcard": ({"wildcard": "*nit*"}, {"wildcard": ["*nit*", "y"]}),
}
# The scenario's name, the pattern and the event.
_CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "arrays": ({"a": ["x", "y"]}, {"a": ["z", "y"]}),
    "arrays_NEG": ({"a": ["x", "y"]}, {"a": ["z"]}),
    "arrays_empty_null_NEG": ({"a": [None]}, {"a": []}),
    "boolean": ({"a": [True]}, {"a": True}),
    "boolean_NEG": ({"a": [True]}, {"a": False}),
    "complex_multi_match": (_MANY, {"a": "y", "b": 3, "c": 300}),
    "complex_multi_match_NEG": (_MANY, {"a": "y", "b": 3, "c": 200}),
    "complex_or": (_OR, {"a": 9, "b": 3}),
    "complex_or_NEG": (_OR, {"a": 0, "b": 10}),
    "content_anything_but_number_zero": ({"a": [{_BUT: 0}]}, {"a": 1}),
    "content_anything_prefix_int_value": ({"a": [{_BUT: {"prefix": "init"}}]}, {"a": 12}),
    "content_anything_prefix_list_int": ({"a": [{_BUT: {"prefix": ["init", "y"]}}]}, {"a": 12}),
    "content_anything_wildcard_empty": ({"a": [{_BUT: {"wildcard": ""}}]}, _INIT),
    "content_anything_wildcard_int": ({"a": [{_BUT: {"wildcard": "*nit*"}}]}, {"a": 12}),
    "content_exists": ({"a": [{"exists": True}]}, _INIT),
    "content_exists_NEG": ({"b": [{"exists": True}]}, _INIT),
    "content_exists_false": ({"b": {"c": [{"exists": False}]}}, {"b": {"d": 1}}),
    "content_exists_false_NEG": ({"b": {"c": [{"exists": False}]}}, {"b": {"c": 1}}),
    "content_ignorecase": ({"a": [{_ONLY_CASE: "INIT-X"}]}, _INIT),
    "content_ignorecase_NEG": ({"a": [{_ONLY_CASE: "INIT"}]}, _INIT),
    "content_ignorecase_empty": ({"a": [{_ONLY_CASE: ""}]}, {"a": ""}),
    "content_ignorecase_empty_NEG": ({"a": [{_ONLY_CASE: ""}]}, _INIT),
    "content_ip_address": ({"a": [{"cidr": "10.1.0.0/16"}]}, {"a": "10.1.2.3"}),
    "content_ip_address_NEG": ({"a": [{"cidr": "10.1.0.0/16"}]}, {"a": "10.2.0.1"}),
    "content_ip_address_bad_type_NEG": ({"a": [{"cidr": "10.1.0.0/16"}]}, {"a": "no address"}),
    "content_ip_address_v6": ({"a": [{"cidr": "2001:db8::/32"}]}, {"a": "2001:0db8:0000:0000:0000:0000:0000:0001"}),
    "content_ip_address_v6_NEG": ({"a": [{"cidr": "2001:db8::/32"}]}, {"a": "2001:db9::1"}),
    "content_numeric_and": (_BETWEEN, {"a": 5, "b": 301.8}),
    "content_numeric_and_NEG": (_BETWEEN, {"a": 6, "b": 301.8}),
    "content_prefix": ({"a": [{"prefix": "init"}]}, _INIT),
    "content_prefix_NEG": ({"a": [{"prefix": "nit"}]}, _INIT),
    "content_prefix_empty": ({"a": [{"prefix": ""}]}, _INIT),
    "content_prefix_ignorecase": ({"a": [{"prefix": {_ONLY_CASE: "INIT"}}]}, _INIT),
    "content_suffix": ({"a": [{"suffix": "-x"}]}, _INIT),
    "content_suffix_NEG": ({"a": [{"suffix": "-"}]}, _INIT),
    "content_suffix_empty": ({"a": [{"suffix": ""}]}, _INIT),
    "content_suffix_ignorecase": ({"a": [{"suffix": {_ONLY_CASE: "-X"}}]}, _INIT),
    "content_suffix_ignorecase_NEG": ({"a": [{"suffix": {_ONLY_CASE: "-Y"}}]}, _INIT),
    "content_wildcard_empty_NEG": ({"a": [{"wildcard": ""}]}, _INIT),
    "content_wildcard_nonrepeating": ({"a": [{"wildcard": "in*-x"}]}, _INIT),
    "content_wildcard_nonrepeating_NEG": ({"a": [{"wildcard": "in*-y"}]}, _INIT),
    "content_wildcard_repeating": ({"a": [{"wildcard": "/u/*/d/d/e.txt"}]}, {"a": "/u/d/d/d/d/e.txt"}),
    "content_wildcard_repeating_NEG": ({"a": [{"wildcard": "/u/*/d/d/e.txt"}]}, {"a": "/u/d/d/d/o/e.txt"}),
    "content_wildcard_simplified": ({"a": [{"wildcard": "*"}]}, _INIT),
    "dot_joining_event": ({"a": {"b": ["x"]}}, {"a.b": "x"}),
    "dot_joining_event_NEG": ({"a": {"b": ["x"]}}, {"a.b": {"b": "x"}}),
    "dot_joining_pattern": ({"a.b": ["x"]}, {"a": {"b": "x"}}),
    "dot_joining_pattern_NEG": ({"a.b": {"b": ["x"]}}, {"a": {"b": "x"}}),
    "exists_dynamodb": ({"a": {"S": [{"exists": True}]}}, {"a": {"S": "x"}}),
    "exists_dynamodb_NEG": ({"a": [{"exists": True}]}, {"a": {"S": "x"}}),
    "exists_list_empty": ({"a": [{"exists": False}]}, {"a": []}),
    "exists_list_empty_NEG": ({"a": [{"exists": True}]}, {"a": []}),
    "key_case_sensitive_NEG": ({"A": ["init-x"]}, _INIT),
    "list_within_dict": ({"a": {"id": [{"exists": True}]}}, {"a": [{"k": "x"}, {"id": "y"}]}),
    "null_value": ({"a": [None]}, {"a": None}),
    "null_value_NEG": ({"a": [None]}, {"a": "null"}),
    "number_comparison_float": ({"a": [300]}, {"a": 300.0}),
    "numeric-int-float": (_ABOVE, {"a": 101.0}),
    "numeric-null_NEG": (_ABOVE, {"a": None}),
    "numeric-string_NEG": (_ABOVE, {"a": "300"}),
    "operator_multiple_list": ({"a": [{"exists": True}, {"prefix": "y"}]}, _INIT),
    "or-anything-but": (_KEPT, {"h": {"S": "lilies"}}),
    "or-exists": (_KEPT, {"h": {"N": "1"}}),
    "or-exists-parent": (_KEPT, {"i": {"N": "1"}}),
    "or-numeric-anything-but": ({"a": [{"numeric": [">", 100]}, {_BUT: "101"}]}, {"a": "42"}),
    "or-numeric-anything-but_NEG": ({"a": [{"numeric": [">", 100]}, {_BUT: "101"}]}, {"a": "101"}),
    "prefix": ({"a": [{"prefix": "init"}]}, _INIT),
    "string": ({"a": ["init-x"]}, _INIT),
    "string_empty": ({"a": [""]}, {"a": ""}),
}
_ANYTHING_BUT = re.compile(r"content_anything_(?:but_)?([a-z]+?)(_list)?(_null|_missing_NEG|_NEG|)$")


def _case(name: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the pattern and the event of a scenario, or None where its name does not say enough."""
    match = _ANYTHING_BUT.match(name)
    if name in _CASES or not match or match[1] not in _EXCLUDED:
        return _CASES.get(name)
    one, several = _EXCLUDED[match[1]]
    excluded = 5 if match[1] == "number" else "init-x"
    other = 7 if match[1] == "number" else "other"
    events: dict[str, dict[str, Any]] = {
        "": {"a": other},
        "_NEG": {"a": excluded},
        "_null": {"a": None},
        "_missing_NEG": {},
    }
    return {"a": [{_BUT: several if match[2] else one}]}, events[match[3]]


def _names() -> list[str]:
    prefix = "TestEventPattern::test_event_pattern["
    recorded = scenarios("test_events_patterns.json") if FOLDER.is_dir() else {}
    return [name.removeprefix(prefix)[:-1] for name in recorded if name.startswith(prefix) and "_EXC" not in name]


@pytest.mark.parametrize("name", [name for name in _names() if _case(name)])
def test_event_of_the_scenarios_kind_matches_as_on_aws(name: str) -> None:
    """What a scenario's name tells is decided as AWS decided it."""
    case = _case(name)

    assert case
    assert matches(parsed(json.dumps(case[0])), case[1]) is not name.endswith("_NEG")


def test_few_names_do_not_say_enough() -> None:
    """Left are whole events of services, whose parts other scenarios are about."""
    left = {name for name in _names() if not _case(name)}

    assert left <= {"complex_many_rules", "dynamodb", "minimal", "nested_json_NEG", "sample1"}
    assert set(_CASES) <= set(_names())
