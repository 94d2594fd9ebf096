"""What a transform job does with each record before the model gets it, and with each answer before it is stored.

Source: SageMaker API reference, DataProcessing.
"""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from embedded_account.sagemaker.transform.json_path import JsonPath, JsonPathError
from embedded_account.sagemaker.transform.records import RecordError

_JSON = ("application/json", "application/jsonlines")
_CSV = "text/csv"


@dataclass(frozen=True)
class Processing:
    """The filters of a job, and whether its records are joined with their answers."""

    input_filter: JsonPath
    output_filter: JsonPath
    joins: bool
    content_type: str

    @classmethod
    def parse(cls, given: dict[str, Any], content_type: str) -> "Processing":
        """Return the processing that a request's DataProcessing asks for.

        Raises:
            JsonPathError: a filter is no path, or the records have a form that cannot be read.
        """
        made = cls(
            JsonPath.parse(given.get("InputFilter") or "$"),
            JsonPath.parse(given.get("OutputFilter") or "$"),
            given.get("JoinSource", "None") == "Input",
            content_type.partition(";")[0].strip().lower(),
        )
        if made.does_something and made.content_type not in (*_JSON, _CSV):
            raise JsonPathError(
                f"ContentType {content_type!r}: records are filtered and joined as {_CSV} or {_JSON[0]}"
            )
        return made

    @property
    def does_something(self) -> bool:
        """Say whether records or answers become others."""
        return self.joins or not (self.input_filter.is_all and self.output_filter.is_all)

    @property
    def is_csv(self) -> bool:
        """Say whether records are rows."""
        return self.content_type == _CSV

    def to_model(self, record: bytes) -> bytes:
        """Return what the model gets of `record`.

        Raises:
            RecordError: the record cannot be read, or has not what the filter names.
        """
        return (
            record if self.input_filter.is_all else self._written(self._chosen(self.input_filter, self._read(record)))
        )

    def to_output(self, record: bytes, answer: bytes) -> bytes:
        """Return what is stored of the model's `answer` about `record`.

        Raises:
            RecordError: one of them cannot be read, or they have not what the filter names.
        """
        if not self.joins and self.output_filter.is_all:
            return answer
        value = self._joined(self._read(record), self._read(answer)) if self.joins else self._read(answer)
        return self._written(self._chosen(self.output_filter, value))

    def _joined(self, record: Any, answer: Any) -> Any:
        if self.is_csv:
            return [*record, *answer]
        if isinstance(record, dict):
            return record | {"SageMakerOutput": answer}
        return {"SageMakerInput": record, "SageMakerOutput": answer}

    def _chosen(self, path: JsonPath, value: Any) -> Any:
        try:
            return path.select(value)
        except JsonPathError as error:
            raise RecordError(str(error)) from error

    def _read(self, text: bytes) -> Any:
        try:
            if self.is_csv:
                return next(csv.reader(io.StringIO(text.decode())), [])
            return json.loads(text)
        except (ValueError, csv.Error) as error:
            raise RecordError(f"{text[:100]!r}: cannot be read as {self.content_type}: {error}") from error

    def _written(self, value: Any) -> bytes:
        if not self.is_csv:
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        row = io.StringIO()
        csv.writer(row, lineterminator="").writerow(value if isinstance(value, list) else [value])
        return row.getvalue().encode()


def outputs(
    processing: Processing, records: Sequence[bytes], answers: Sequence[bytes], *, splits_answers: bool
) -> list[bytes]:
    """Return what is stored of each record; with `splits_answers` an answer has a line for each record of its request.

    Raises:
        RecordError: there are not as many answers as records, or one cannot be processed.
    """
    if splits_answers:
        answers = [line for answer in answers for line in answer.split(b"\n") if line.strip()]
    if len(answers) != len(records):
        raise RecordError(f"the model has answered {len(records)} records with {len(answers)}; each needs one answer")
    convert: Callable[[bytes, bytes], bytes] = processing.to_output
    return [convert(record, answer) for record, answer in zip(records, answers, strict=True)]
