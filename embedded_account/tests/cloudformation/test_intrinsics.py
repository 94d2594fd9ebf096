"""Tests of CloudFormation's functions."""

from typing import Any

import pytest
from embedded_account.cloudformation.errors import TemplateError, UnsupportedError
from embedded_account.cloudformation.intrinsics import KNOWN_AFTER_APPLY, Resolver, Values, pruned, references
from hypothesis import given
from hypothesis import strategies as st

MAPPINGS = {"Sizes": {"small": {"memory": 128}}}
CONDITIONS = {
    "Yes": {"Fn::Equals": [{"Ref": "P"}, "p"]},
    "No": {"Fn::Not": [{"Condition": "Yes"}]},
    "Both": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]},
    "Either": {"Fn::Or": [{"Condition": "Yes"}, {"Condition": "No"}]},
    "Zero": {"Fn::Equals": [{"Ref": "Z"}, 0]},
}
NAMES = {"P": "p", "Z": "0", "L": ["a", "b"], "AWS::Region": "eu-west-1"}
VALUES = Values(NAMES, MAPPINGS, CONDITIONS)


class Known:
    """Resources of which one, New, does not exist yet."""

    def reference(self, logical_id: str) -> Any:
        return KNOWN_AFTER_APPLY if logical_id == "New" else f"id-of-{logical_id}"

    def attribute(self, logical_id: str, name: str) -> Any:
        return KNOWN_AFTER_APPLY if logical_id == "New" else f"{name}-of-{logical_id}"

    def imported(self, name: str) -> Any:
        return f"value-of-{name}"


def resolve(value: Any) -> Any:
    return Resolver(VALUES, Known()).resolve(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "P"}, "p"),
        ({"Ref": "L"}, ["a", "b"]),
        ({"Ref": "Topic"}, "id-of-Topic"),
        ({"Fn::ImportValue": {"Fn::Sub": "net-${P}"}}, "value-of-net-p"),
        ({"Fn::GetAtt": ["Topic", "Arn"]}, "Arn-of-Topic"),
        ({"Fn::GetAtt": "Topic.A.B"}, "A.B-of-Topic"),
        ({"Fn::Sub": "${P}-${Topic}-${Topic.Arn}-${AWS::Region}"}, "p-id-of-Topic-Arn-of-Topic-eu-west-1"),
        ({"Fn::Sub": ["${P}${X}", {"X": {"Ref": "Z"}, "P": "own"}]}, "own0"),
        ({"Fn::Sub": "${!Literal} $P {P}"}, "${Literal} $P {P}"),
        ({"Fn::Join": ["-", ["a", 1, True, {"Ref": "P"}]]}, "a-1-true-p"),
        ({"Fn::Join": ["-", {"Ref": "L"}]}, "a-b"),
        ({"Fn::Select": ["1", {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::FindInMap": ["Sizes", "small", "memory"]}, 128),
        ({"Fn::Base64": "example"}, "ZXhhbXBsZQ=="),
        ({"Fn::If": ["Yes", "a", {"Ref": "Absent"}]}, "a"),
        ({"A": {"Ref": "AWS::NoValue"}, "B": [1, {"Ref": "AWS::NoValue"}]}, {"B": [1]}),
        ({"A": {"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}}, {}),
        ({"Condition": {"Bool": {"x": "false"}}}, {"Condition": {"Bool": {"x": "false"}}}),
    ],
)
def test_functions_give_what_aws_gives(value: Any, expected: Any) -> None:
    """Each function, in each of its forms."""
    assert resolve(value) == expected


@pytest.mark.parametrize(
    ("name", "met"), [("Yes", True), ("No", False), ("Both", False), ("Either", True), ("Zero", True)]
)
def test_conditions_are_decided(name: str, met: bool) -> None:
    """Conditions name one another; a number equals its text."""
    assert VALUES.condition(name) is met


@pytest.mark.parametrize("function", ["Fn::GetAZs", "Fn::Cidr", "Fn::Transform", "Fn::Length", "Fn::ForEach::X"])
def test_functions_that_are_not_carried_out_are_named(function: str) -> None:
    """No such function is taken for data."""
    with pytest.raises(UnsupportedError, match=f"the function '{function}'"):
        resolve({function: "x"})


def test_dynamic_references_are_refused() -> None:
    """A secret or SSM reference in text is named, not passed on."""
    with pytest.raises(UnsupportedError, match="resolve:ssm"):
        resolve({"A": "{{resolve:ssm:name}}"})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"Fn::Select": [2, ["a", "b"]]}, "nonexistent value at index 2"),
        ({"Fn::FindInMap": ["Sizes", "large", "memory"]}, "Unable to get mapping for Sizes::large::memory"),
        ({"Fn::If": ["Absent", 1, 2]}, "Unresolved condition dependency Absent"),
        ({"Fn::Join": ["-", "text"]}, "Fn::Join"),
        ({"Fn::Join": ["-", [["list"]]]}, "Fn::Join needs strings"),
        ({"Fn::Sub": {"a": 1}}, "Fn::Sub"),
        ({"Fn::GetAtt": ["one"]}, "Fn::GetAtt"),
    ],
)
def test_misuse_is_refused(value: Any, words: str) -> None:
    """The message names the function."""
    with pytest.raises(TemplateError, match=words):
        resolve(value)


def test_conditions_in_a_circle_are_refused() -> None:
    """A condition cannot depend on itself."""
    values = Values({}, {}, {"A": {"Fn::Not": [{"Condition": "B"}]}, "B": {"Fn::Not": [{"Condition": "A"}]}})

    with pytest.raises(TemplateError, match="circular dependency in the Conditions block"):
        values.condition("A")


def test_conditions_cannot_name_resources() -> None:
    """Conditions are decided before there is any resource."""
    with pytest.raises(TemplateError, match=r"Unresolved dependencies \[Topic\]"):
        Values({}, {}, {"A": {"Fn::Equals": [{"Ref": "Topic"}, ""]}}).condition("A")


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::Sub": "a-${New}"},
        {"Fn::Join": ["", ["a", {"Ref": "New"}]]},
        {"Fn::Select": [0, {"Fn::Split": ["/", {"Fn::GetAtt": "New.Arn"}]}]},
        {"Fn::Base64": {"Ref": "New"}},
    ],
)
def test_what_depends_on_a_new_resource_is_known_after_apply(value: Any) -> None:
    """Unknown parts make the whole value unknown, as AWS shows it."""
    assert resolve(value) == KNOWN_AFTER_APPLY


@given(st.lists(st.text(), min_size=1), st.text(min_size=1, max_size=3))
def test_split_undoes_join(items: list[str], delimiter: str) -> None:
    """Fn::Split of Fn::Join gives the items back when none holds the delimiter's characters."""
    clean = [item.translate({ord(letter): None for letter in delimiter + "{"}) for item in items]

    assert resolve({"Fn::Split": [delimiter, {"Fn::Join": [delimiter, clean]}]}) == clean


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Ref", "Fn::Sub", "Fn::If", "Fn::GetAtt", "Fn::Join", "Fn::Select", "Fn::Split", "a", "b"]
            ),
            inner,
            max_size=2,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_value_is_resolved_or_refused(value: Any) -> None:
    """No template crashes the resolver, whatever stands where a function wants its arguments."""
    for work in (resolve, lambda item: pruned(VALUES, item), lambda item: list(references(item))):
        try:
            work(value)
        except TemplateError:
            continue


@given(JSON.filter(lambda value: "Fn::" not in str(value) and "Ref" not in str(value)))
def test_data_without_functions_stays_as_it_is(value: Any) -> None:
    """Resolving changes nothing but functions."""
    assert resolve(value) == value


def test_references_are_found_everywhere() -> None:
    """Ref, GetAtt and both forms of Sub, at any depth; a Sub's own variables and literals are none."""
    value = {
        "a": [{"Ref": "A"}, {"Fn::GetAtt": ["B", "Arn"]}],
        "b": {"Fn::Sub": ["${C} ${D.E} ${V} ${!X}", {"V": {"Ref": "F"}}]},
    }

    assert set(references(value)) == {("A", ""), ("B", "Arn"), ("C", ""), ("D", "E"), ("F", "")}


def test_pruning_takes_the_branch_and_leaves_the_rest() -> None:
    """Fn::If is decided, other functions stay."""
    assert pruned(VALUES, {"A": {"Fn::If": ["Yes", {"Ref": "X"}, {"Ref": "Y"}]}}) == {"A": {"Ref": "X"}}
