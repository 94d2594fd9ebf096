"""Records are filtered before the model gets them, and joined with its answers.

Source: SageMaker API reference, DataProcessing.
"""

from typing import Any

import pytest
from embedded_account.sagemaker.transform.json_path import JsonPathError
from embedded_account.sagemaker.transform.processing import Processing, outputs
from embedded_account.sagemaker.transform.records import RecordError


def _processing(content_type: str, **given: Any) -> Processing:
    return Processing.parse(given, content_type)


def test_rows_lose_their_first_column_and_get_it_back() -> None:
    """The example of the guide: the model gets no id, and the output has the id and the prediction."""
    processing = _processing("text/csv", InputFilter="$[1:]", JoinSource="Input", OutputFilter="$[0,-1]")

    assert processing.to_model(b"7,0.1,0.2") == b"0.1,0.2"
    assert processing.to_output(b"7,0.1,0.2", b"rose\n") == b"7,rose"


def test_columns_with_commas_stay_whole() -> None:
    """A row is read and written as CSV."""
    processing = _processing("text/csv", JoinSource="Input")

    assert processing.to_output(b'"a, b",1', b"0.5,0.5") == b'"a, b",1,0.5,0.5'


def test_object_gets_its_answer_as_a_member() -> None:
    """SageMakerOutput is added to what was read."""
    processing = _processing("application/json", InputFilter="$.features", JoinSource="Input")

    assert processing.to_model(b'{"id": 7, "features": [1, 2]}') == b"[1,2]"
    joined = processing.to_output(b'{"id": 7, "features": [1, 2]}', b'{"score": 0.9}')
    assert joined == b'{"id":7,"features":[1,2],"SageMakerOutput":{"score":0.9}}'


def test_what_is_no_object_becomes_a_member_too() -> None:
    """Then there is a new object, with SageMakerInput beside the output."""
    processing = _processing("application/jsonlines; charset=utf-8", JoinSource="Input")

    assert processing.to_output(b"[1, 2]", b"0.9") == b'{"SageMakerInput":[1,2],"SageMakerOutput":0.9}'


def test_filter_of_the_output_alone_looks_at_the_answer() -> None:
    """Without a join there is nothing else."""
    assert _processing("application/json", OutputFilter="$.score").to_output(b"{}", b'{"score": 0.9}') == b"0.9"


def test_without_a_filter_bytes_pass_as_they_are() -> None:
    """Nothing is read and written anew."""
    processing = _processing("application/json", OutputFilter="$.score")

    assert processing.to_model(b'{ "a":  1 }') == b'{ "a":  1 }'


def test_answers_of_a_batch_are_its_lines() -> None:
    """Each line is joined with its own record, across requests."""
    processing = _processing("text/csv", JoinSource="Input")

    joined = outputs(processing, [b"1", b"2", b"3"], [b"a\nb\n", b"c"], splits_answers=True)

    assert joined == [b"1,a", b"2,b", b"3,c"]


def test_too_few_answers_are_joined_with_nothing() -> None:
    """A prediction must not stand beside another record."""
    with pytest.raises(RecordError, match="answered 2 records with 1"):
        outputs(_processing("text/csv", JoinSource="Input"), [b"1", b"2"], [b"a"], splits_answers=True)


def test_pictures_are_not_filtered() -> None:
    """A filter needs records that can be read."""
    with pytest.raises(JsonPathError, match="ContentType 'image/jpeg'"):
        _processing("image/jpeg", InputFilter="$[1:]")


def test_record_that_cannot_be_read_is_named() -> None:
    """With its beginning, and as what it was read."""
    with pytest.raises(RecordError, match="cannot be read as application/json"):
        _processing("application/json", InputFilter="$.a").to_model(b"no json")
