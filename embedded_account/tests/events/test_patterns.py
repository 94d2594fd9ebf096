"""Which events a pattern matches, and which patterns are refused.

Source: EventBridge user guide, "Comparison operators for use in event patterns".
"""

import json
import random
from typing import Any

import pytest
from embedded_account.errors import ServiceError
from embedded_account.events.pattern_rules import parsed
from embedded_account.events.patterns import choose, matches, walk

CASES: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"a": ["x"]}, {"a": "x"}, True),
    ({"a": ["x"]}, {"a": ["y", "x"]}, True),
    ({"a": [1]}, {"a": True}, False),
    ({"a": [False]}, {"a": 0}, False),
    ({"a": [300]}, {"a": 300.0}, True),
    ({"a": [None]}, {"a": None}, True),
    ({"a": [None]}, {"a": []}, False),
    ({"a": [""]}, {"a": ""}, True),
    ({"a": {"b": ["x"]}}, {"a.b": "x"}, True),
    ({"a.b": ["x"]}, {"a": {"b": "x"}}, True),
    ({"A": ["x"]}, {"a": "x"}, False),
    ({"tags": {"key": ["k"], "value": ["v"]}}, {"tags": [{"key": "k", "value": "v"}]}, True),
    ({"tags": {"key": ["k"], "value": ["v"]}}, {"tags": [{"key": "k"}, {"key": "l", "value": "v"}]}, False),
    ({"a": [{"exists": True}]}, {"a": None}, True),
    ({"a": [{"exists": True}]}, {"a": []}, False),
    ({"a": [{"exists": False}]}, {"a": {"b": 1}}, True),
    ({"a": [{"prefix": "eu-"}]}, {"a": "eu-west-1"}, True),
    ({"a": [{"prefix": {"equals-ignore-case": "EU-"}}]}, {"a": "eu-west-1"}, True),
    ({"a": [{"suffix": ".png"}]}, {"a": 5}, False),
    ({"a": [{"wildcard": "*/b/*"}]}, {"a": "a/b/c"}, True),
    ({"a": [{"wildcard": "a\\*"}]}, {"a": "ab"}, False),
    ({"a": [{"wildcard": "a\\*"}]}, {"a": "a*"}, True),
    ({"a": [{"numeric": [">", 0, "<=", 5]}]}, {"a": 5}, True),
    ({"a": [{"numeric": ["=", 1]}]}, {"a": True}, False),
    ({"a": [{"numeric": ["=", 1]}]}, {"a": "1"}, False),
    ({"a": [{"anything-but": "x"}]}, {"a": "y"}, True),
    ({"a": [{"anything-but": "x"}]}, {"a": None}, True),
    ({"a": [{"anything-but": "x"}]}, {}, False),
    ({"a": [{"anything-but": ["x", "y"]}]}, {"a": "y"}, False),
    ({"a": [{"anything-but": {"prefix": ["x", "y"]}}]}, {"a": "yes"}, False),
    ({"a": [{"anything-but": {"equals-ignore-case": ["X"]}}]}, {"a": "x"}, False),
    ({"a": [{"anything-but": {"wildcard": "*/lib/*"}}]}, {"a": "usr/bin/x"}, True),
    ({"a": [{"cidr": "10.0.0.7/24"}]}, {"a": "10.0.0.255"}, True),
    ({"a": [{"cidr": "2001:db8::/32"}]}, {"a": "10.0.0.1"}, False),
    ({"$or": [{"a": ["x"]}, {"b": [{"numeric": [">", 5]}]}]}, {"b": 6}, True),
    ({"c": ["z"], "$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"a": "x", "b": "y"}, False),
]


@pytest.mark.parametrize(("pattern", "event", "expected"), CASES)
def test_event_matches_as_on_aws(pattern: dict[str, Any], event: dict[str, Any], expected: bool) -> None:
    """Each comparison decides as EventBridge's does."""
    assert matches(parsed(json.dumps(pattern)), event) is expected
    assert choose(parsed(json.dumps(pattern)), event) is expected


def _node(chance: random.Random, leaves: list[Any], depth: int) -> dict[str, Any]:
    names = chance.sample(["a", "b", "a.b" if chance.random() < 0.2 else "c"], chance.choice([1, 2, 3]))
    return {
        name: _node(chance, leaves, depth - 1) if depth and chance.random() < 0.4 else chance.choice(leaves)
        for name in names
    }


def test_the_walk_decides_as_the_choice_does() -> None:
    """What the short way decides of thousands of events, dots and arrays among them, the whole way decides too."""
    chance = random.Random(20261130)
    wanted = [["x"], ["x", 1], [{"exists": False}], [{"exists": True}], [{"anything-but": "x"}], [None]]
    values = ["x", "y", 1, True, None, [], ["x", "y"], [{"a": "x"}, {"b": "y"}]]
    decided = 0
    for _ in range(3000):
        pattern, event = _node(chance, wanted, 2), _node(chance, values, 2)
        answer = walk(pattern, event)
        decided += answer is not None
        assert answer in (None, choose(pattern, event)), (pattern, event)

    assert decided > 500


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ({}, "Empty objects are not allowed"),
        ({"a": {}}, "Empty objects are not allowed"),
        ({"a": [["x"]]}, "Match value must be String, number, true, false, or null"),
        ({"a": [{"prefix": "x", "suffix": "y"}]}, "Only one key allowed in match expression"),
        ({"a": [{"exists": "true"}]}, "exists match pattern must be either true or false"),
        ({"a": [{"numeric": ["=", 1, "<", 2]}]}, "Too many terms in numeric range expression"),
        ({"a": [{"numeric": [">", 5, "<", 2]}]}, "Bottom must be less than top"),
        ({"a": [{"numeric": ["!=", 5]}]}, "Unrecognized numeric range operator: !="),
        ({"a": [{"numeric": [">", 6e9]}]}, "Value must be between"),
        ({"a": [{"anything-but": {"exists": True}}]}, "Unsupported anything-but pattern: exists"),
        ({"a": [{"anything-but": ["x", 1]}]}, "either all values are number or string"),
        ({"a": [{"wildcard": "\\x"}]}, "Invalid escape character at pos 0"),
        ({"a": [{"cidr": "10.0.0.0/33"}]}, "mask bits must not exceed 32"),
    ],
)
def test_pattern_that_is_none_is_refused(pattern: dict[str, Any], reason: str) -> None:
    """The reason says what is wrong, so that no rule waits for events that cannot come."""
    with pytest.raises(ServiceError, match=reason):
        parsed(json.dumps(pattern))
