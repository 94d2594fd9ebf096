"""The operators by which SageMaker chooses from records.

Source: SageMaker developer guide, "Associate Prediction Results with Input Records".
"""

from typing import Any

import pytest
from embedded_account.sagemaker.transform.json_path import JsonPath, JsonPathError

_ROW = ["7", "0.1", "0.2", "rose"]
_RECORD = {"id": 7, "features": [1, 2, 3], "of": {"first": {"x": 1}, "second": {"x": 2}}}


@pytest.mark.parametrize(
    ("path", "record", "chosen"),
    [
        ("$", _ROW, _ROW),
        ("$[0]", _ROW, "7"),
        ("$[-1]", _ROW, "rose"),
        ("$[0,-1]", _ROW, ["7", "rose"]),
        ("$[1:]", _ROW, ["0.1", "0.2", "rose"]),
        ("$[1:3]", _ROW, ["0.1", "0.2"]),
        ("$[:-1]", _ROW, ["7", "0.1", "0.2"]),
        ("$.features", _RECORD, [1, 2, 3]),
        ("$['features'][0]", _RECORD, 1),
        ("$['id','features']", _RECORD, {"id": 7, "features": [1, 2, 3]}),
        ("$.of.['first','second']", _RECORD, {"first": {"x": 1}, "second": {"x": 2}}),
        ("$.of.*.x", _RECORD, [1, 2]),
        ("$.of[*].x", _RECORD, [1, 2]),
        ("$.features[*]", _RECORD, [1, 2, 3]),
    ],
)
def test_path_chooses_what_aws_documents(path: str, record: Any, chosen: Any) -> None:
    """One name or index gives its value, several names an object, several indexes and slices an array."""
    assert JsonPath.parse(path).select(record) == chosen


@pytest.mark.parametrize("path", ["", "features", "$.", "$[", "$..x", "$[?(@.x > 1)]", "$[0:4:2]", "$.a b"])
def test_other_operators_are_refused(path: str) -> None:
    """Recursion, filters and steps are none of SageMaker's."""
    with pytest.raises(JsonPathError, match="is no JSONPath of"):
        JsonPath.parse(path)


@pytest.mark.parametrize("path", ["$[4]", "$.name", "$[0,9]"])
def test_what_is_not_there_is_an_error(path: str) -> None:
    """It is not left out."""
    with pytest.raises(JsonPathError, match="the record has nothing there"):
        JsonPath.parse(path).select(_ROW)


@pytest.mark.parametrize("path", ["$[0]", "$[0:1]", "$[*]"])
def test_text_is_no_array(path: str) -> None:
    """An index is one of an array, and never a letter's."""
    with pytest.raises(JsonPathError, match="the record has nothing there"):
        JsonPath.parse(path).select("text")
