"""What a target receives. Source of the cases: EventBridge user guide, input transformation."""

import json

import pytest
from embedded_account.events.inputs import target_input
from hypothesis import given
from hypothesis import strategies as st

_RULE = "arn:aws:events:us-east-1:123456789012:rule/uploads"
_EVENT = {"detail-type": "Object Created", "source": "aws.s3", "detail": {"object": {"key": 'a "b".zip', "size": 5}}}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, _EVENT),
        ({"Input": '{"Sweep": true}'}, {"Sweep": True}),
        ({"InputPath": "$.detail.object"}, {"key": 'a "b".zip', "size": 5}),
        ({"InputPath": "$.detail-type"}, "Object Created"),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {
                        "key": "$.detail.object.key",
                        "size": "$.detail.object.size",
                        "gone": "$.no.such",
                    },
                    "InputTemplate": '{"text": "<key> of <size>", "key": <key>, "size": <size>, "gone": <gone>,'
                    ' "rule": "<aws.events.rule-name>"}',
                }
            },
            {"text": 'a "b".zip of 5', "key": 'a "b".zip', "size": 5, "gone": None, "rule": "uploads"},
        ),
    ],
)
def test_a_target_gets_the_input_it_asks_for(target, expected):
    """The whole event, a constant, a part, or a transformed text.

    Source: EventBridge user guide, "Amazon EventBridge input transformation".
    """
    assert json.loads(target_input(target, _EVENT, _RULE)) == expected


@given(st.text())
def test_a_transformed_text_is_json_whatever_the_event_holds(text):
    """Quotes, backslashes and control characters of an event cannot break out of the template.

    Source: EventBridge user guide, "Amazon EventBridge input transformation".
    """
    transformer = {"InputPathsMap": {"key": "$.detail"}, "InputTemplate": '{"quoted": "<key>", "bare": <key>}'}

    result = json.loads(target_input({"InputTransformer": transformer}, {"detail": text}, _RULE))

    assert result == {"quoted": text, "bare": text}
