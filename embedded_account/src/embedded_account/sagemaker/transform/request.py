"""What a request for a transform job may ask of this account; anything else is refused by name."""

from dataclasses import dataclass
from typing import Any

from embedded_account.sagemaker.shared.resources import validation_error
from embedded_account.sagemaker.shared.storage import S3Uri, StorageError
from embedded_account.sagemaker.transform.json_path import JsonPathError
from embedded_account.sagemaker.transform.processing import Processing
from embedded_account.wiring.refusals import not_carried_out, refuse

_REQUEST = {
    "TransformJobName",
    "ModelName",
    "MaxConcurrentTransforms",
    "ModelClientConfig",
    "MaxPayloadInMB",
    "BatchStrategy",
    "Environment",
    "TransformInput",
    "TransformOutput",
    "TransformResources",
    "DataProcessing",
    "Tags",
}
_INPUT: dict[str, tuple[str, ...]] = {
    "DataSource": (),
    "ContentType": (),
    "CompressionType": (),
    "SplitType": ("None", "Line"),
}
_PROCESSING = {"InputFilter", "OutputFilter", "JoinSource"}
_MAX_TOTAL_MB = 100
_DEFAULT_PAYLOAD_MB = 6
_DEFAULT_TIMEOUT_SECONDS = 600
_DEFAULT_RETRIES = 3


@dataclass(frozen=True)
class Request:
    """A transform job as it was asked for, with SageMaker's defaults."""

    source: dict[str, Any]  # the S3DataSource
    content_type: str
    is_gzip: bool
    splits_lines: bool
    is_multi_record: bool
    max_payload_bytes: int
    num_parallel: int  # requests to one instance at one time
    output: S3Uri
    accept: str
    assembles_lines: bool
    timeout_seconds: float
    max_retries: int
    instance_type: str
    instance_count: int
    processing: Processing

    @property
    def batches_records(self) -> bool:
        """Say whether a request has as many records as fit into it."""
        return self.splits_lines and self.is_multi_record

    def output_of(self, path: str) -> S3Uri:
        """Return where the answers to the object go that lies at `path` below the input."""
        prefix = self.output.key.rstrip("/")
        return S3Uri(self.output.bucket, f"{prefix}/{path}.out".lstrip("/"))


def parse(params: dict[str, Any]) -> Request:
    """Return the request of CreateTransformJob, checked.

    Source: SageMaker API reference, CreateTransformJob, TransformInput, TransformOutput, ModelClientConfig.

    Raises:
        ServiceError: SageMaker would refuse it, or it asks for what is not carried out here.
    """
    where = "CreateTransformJob"
    given, put, resources = params["TransformInput"], params["TransformOutput"], params["TransformResources"]
    client = params.get("ModelClientConfig", {})
    refuse(where, params, _REQUEST)
    refuse(f"{where}.TransformInput", given, _INPUT)
    refuse(f"{where}.TransformInput.DataSource", given["DataSource"], {"S3DataSource"})
    refuse(f"{where}.TransformOutput", put, {"S3OutputPath", "Accept", "AssembleWith"})
    refuse(f"{where}.TransformResources", resources, {"InstanceType", "InstanceCount"})
    refuse(f"{where}.DataProcessing", params.get("DataProcessing", {}), _PROCESSING)
    request = Request(
        given["DataSource"]["S3DataSource"],
        given.get("ContentType", ""),
        given.get("CompressionType", "None") == "Gzip",
        given.get("SplitType", "None") == "Line",
        params.get("BatchStrategy", "MultiRecord") == "MultiRecord",
        (params.get("MaxPayloadInMB") or _DEFAULT_PAYLOAD_MB) << 20,
        params.get("MaxConcurrentTransforms") or 1,
        _s3_uri(put["S3OutputPath"]),
        put.get("Accept", ""),
        put.get("AssembleWith", "None") == "Line",
        float(client.get("InvocationsTimeoutInSeconds", _DEFAULT_TIMEOUT_SECONDS)),
        client.get("InvocationsMaxRetries", _DEFAULT_RETRIES),
        resources["InstanceType"],
        resources["InstanceCount"],
        _processing(params.get("DataProcessing", {}), given.get("ContentType", "")),
    )
    _s3_uri(request.source["S3Uri"])
    _check_sizes(params, request)
    if request.processing.does_something and request.processing.is_csv and not request.splits_lines:
        raise not_carried_out(f"{where}.DataProcessing of rows without a split", "set TransformInput.SplitType to Line")
    return request


def _check_sizes(params: dict[str, Any], request: Request) -> None:
    total_mb = (request.max_payload_bytes >> 20) * request.num_parallel
    if total_mb > _MAX_TOTAL_MB:
        raise validation_error(
            f"MaxConcurrentTransforms x MaxPayloadInMB is {total_mb} MB; it must be at most {_MAX_TOTAL_MB}"
        )
    if params.get("BatchStrategy") == "MultiRecord" and not request.splits_lines:
        raise validation_error("BatchStrategy: 'MultiRecord' without a SplitType; set TransformInput.SplitType to Line")


def _processing(given: dict[str, Any], content_type: str) -> Processing:
    try:
        return Processing.parse(given, content_type)
    except JsonPathError as error:
        raise validation_error(f"CreateTransformJob.DataProcessing: {error}") from error


def _s3_uri(text: str) -> S3Uri:
    try:
        return S3Uri.parse(text)
    except StorageError as error:
        raise validation_error(f"CreateTransformJob: {error}") from error
