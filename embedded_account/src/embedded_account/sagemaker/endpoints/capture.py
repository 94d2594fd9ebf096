"""Data capture: a share of an endpoint's requests and answers, as JSON lines in S3.

Source: SageMaker developer guide, "Capture data from real-time endpoint".
"""

import base64
import json
import logging
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from embedded_account.account import Account
from embedded_account.sagemaker.endpoints.endpoint import Endpoint, Variant
from embedded_account.sagemaker.shared.resources import validation_error
from embedded_account.sagemaker.shared.storage import S3Uri, StorageError
from embedded_account.wiring.refusals import refuse

logger = logging.getLogger("embedded_account.sagemaker")

_FLUSH_SECONDS = 60.0  # AWS takes a couple of minutes
_MAX_LINES = 1_000
_MEMBERS = {
    "EnableCapture",
    "InitialSamplingPercentage",
    "DestinationS3Uri",
    "CaptureOptions",
    "CaptureContentTypeHeader",
}


@dataclass(frozen=True)
class _File:
    """Where lines go: a file for each variant and hour."""

    destination: str
    role_arn: str
    endpoint_name: str
    variant_name: str
    hour: str


class Capture:
    """Collects what is captured and puts it into S3 as the model's role."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = Lock()
        self._lines: dict[_File, list[str]] = {}
        account.every("data capture", _FLUSH_SECONDS, self.flush)
        account.on_stop(self.flush)

    def note(
        self,
        endpoint: Endpoint,
        variant: Variant,
        request: tuple[str, bytes],
        answer: tuple[str, bytes],
        inference_id: str = "",
    ) -> None:
        """Keep an invocation, each side as its content type and body, if the variant's configuration asks for it."""
        config = variant.capture
        if not config or not config.get("EnableCapture", True):
            return
        if not random.random() * 100 < config["InitialSamplingPercentage"]:  # noqa: S311 (sampling)
            return
        now = self._account.clock.now()
        line = _line(config, now, request, answer, inference_id)
        hour = now.strftime("%Y/%m/%d/%H")
        file = _File(config["DestinationS3Uri"], variant.role_arn, endpoint.name, variant.name, hour)
        with self._lock:
            lines = self._lines.setdefault(file, [])
            lines.append(line)
            is_full = len(lines) >= _MAX_LINES
        if is_full:
            self._account.start_thread("data capture", self.flush)

    def flush(self) -> None:
        """Put what was kept; what S3 refuses is logged and lost, as on AWS."""
        with self._lock:
            kept, self._lines = self._lines, {}
        for file, lines in kept.items():
            folder = S3Uri.parse(file.destination)
            prefix = f"{folder.key.rstrip('/')}/" if folder.key.rstrip("/") else ""
            name = f"{self._account.clock.now():%M-%S-%f}"[:9] + f"-{uuid.uuid4()}.jsonl"
            key = f"{prefix}{file.endpoint_name}/{file.variant_name}/{file.hour}/{name}"
            try:
                client = self._account.client("s3", file.role_arn, "SageMaker", by="sagemaker.amazonaws.com")
                client.put_object(Bucket=folder.bucket, Key=key, Body="".join(lines).encode())
            except (ClientError, BotoCoreError) as error:
                logger.error("%d captured invocations of %r are lost: %s", len(lines), file.endpoint_name, error)  # noqa: TRY400 (expected)


def check(config: Mapping[str, Any]) -> None:
    """Raise unless `config`, a DataCaptureConfig, can be carried out."""
    refuse("DataCaptureConfig", config, _MEMBERS)
    try:
        S3Uri.parse(config["DestinationS3Uri"])
    except StorageError as error:
        raise validation_error(f"DataCaptureConfig: {error}") from error


def _line(
    config: Mapping[str, Any],
    now: datetime,
    request: tuple[str, bytes],
    answer: tuple[str, bytes],
    inference_id: str,
) -> str:
    sides = {"Input": ("endpointInput", "INPUT", request), "Output": ("endpointOutput", "OUTPUT", answer)}
    data = {}
    for option in config["CaptureOptions"]:
        for mode in ("Input", "Output") if option["CaptureMode"] == "InputAndOutput" else (option["CaptureMode"],):
            name, word, (content_type, body) = sides[mode]
            data[name] = {"observedContentType": content_type, "mode": word} | _encoded(config, content_type, body)
    metadata = {"eventId": str(uuid.uuid4()), "inferenceTime": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    metadata |= {"inferenceId": inference_id} if inference_id else {}
    return json.dumps({"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}) + "\n"


def _encoded(config: Mapping[str, Any], content_type: str, body: bytes) -> dict[str, str]:
    """Return the body as text where its content type is listed as CSV or JSON, else in base 64."""
    listed = config.get("CaptureContentTypeHeader", {})
    plain = content_type.partition(";")[0].strip().lower()
    for encoding, member in (("CSV", "CsvContentTypes"), ("JSON", "JsonContentTypes")):
        if plain in (each.lower() for each in listed.get(member, [])):
            return {"data": body.decode("utf-8", "replace"), "encoding": encoding}
    return {"data": base64.b64encode(body).decode(), "encoding": "BASE64"}
