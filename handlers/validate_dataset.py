"""ValidateDataset: unpack if needed, refuse what cannot be trained on, and write classes, manifests and a report."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from datasets.fingerprint import archive_fingerprint, folder_fingerprint
from datasets.gate import check_layout, warnings
from datasets.layout import File, Image, SetAside, read_layout
from datasets.splits import make_splits
from handlers import aws
from handlers.aws.logs import logger
from handlers.aws.objects import head, split_uri, write_json
from handlers.contract.errors import DatasetChangedError, DatasetError
from handlers.contract.settings import Settings
from handlers.contract.states import Dataset, ValidateDatasetInput
from handlers.datasets.fingerprint import dataset_files
from handlers.datasets.refusals import as_dataset_error
from handlers.datasets.staging import unpack

aws.prepare("s3")

_MAX_REPORTED = 10_000  # files set aside that the report names; their number is always exact


def manifest(folder_s3_uri: str, images: Sequence[Image], split: str) -> list[Any]:
    """Return SageMaker's ManifestFile form: the prefix, then the paths of `split` below it."""
    return [{"prefix": folder_s3_uri}, *(image.path for image in images if image.split == split)]


def report(
    step: ValidateDatasetInput,
    class_names: Sequence[str],
    images: Sequence[Image],
    made: Sequence[str],
    aside: Sequence[SetAside],
) -> dict[str, Any]:
    """Return what was found, made and set aside, for a person and for `deploy.py status`."""
    counts = Counter((image.class_name, image.split) for image in images)
    return {
        "dataset": step.dataset.name,
        "fingerprint": step.dataset.fingerprint,
        "classes": [
            {"class_name": name, **{split: counts[name, split] for split in ("train", "validation", "test")}}
            for name in class_names
        ],
        "made_splits": list(made),
        "warnings": warnings(images, class_names),
        "num_set_aside": len(aside),
        "set_aside": [{"path": entry.path, "reason": entry.reason} for entry in aside[:_MAX_REPORTED]],
    }


def open_dataset(step: ValidateDatasetInput) -> tuple[str, list[File], list[SetAside]]:
    """Return the folder to use, its files by their path below it, and what unpacking set aside.

    Raises:
        DatasetChangedError: S3 holds something else than what the execution was started for.
        DatasetError: there is nothing, or the archive cannot be unpacked.
    """
    bucket, key = split_uri(step.dataset.s3_uri)
    if step.dataset.s3_uri.endswith("/"):
        files = dataset_files(bucket, key)
        if not files:
            raise DatasetError(f"dataset {step.dataset.name!r} holds no files; upload images before _SUCCESS")
        _check_unchanged(step, folder_fingerprint(files))
        return step.dataset.s3_uri, files, []
    archive = head(bucket, key)
    _check_unchanged(step, archive_fingerprint(File(key, archive.size, archive.etag)))
    prefix = f"staged/{step.dataset.name}/{step.dataset.fingerprint}/"
    aside = unpack(bucket, archive, prefix)
    return f"s3://{bucket}/{prefix}", dataset_files(bucket, prefix), aside


def _check_unchanged(step: ValidateDatasetInput, found: str) -> None:
    if found != step.dataset.fingerprint:
        raise DatasetChangedError(
            f"dataset {step.dataset.name!r} has fingerprint {found[:12]}, the execution was started for "
            f"{step.dataset.fingerprint[:12]}; upload all files first and _SUCCESS last, which starts a new execution"
        )


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step = ValidateDatasetInput.model_validate(event)
    settings = Settings.from_env()
    folder, files, aside = open_dataset(step)
    layout = read_layout(files, aside)
    with as_dataset_error():
        class_names = check_layout(layout, step.dataset.name, settings.min_images_per_class)
    fractions = dict.fromkeys(("validation", "test"), settings.validation_fraction)
    images, made = make_splits(layout.images, fractions, settings.seed)
    folder += layout.top

    def write(name: str, value: Any) -> str:
        return write_json(settings.bucket_name, f"runs/{step.execution_name}/dataset/{name}", value)

    counts = Counter(image.split for image in images)
    dataset = Dataset(
        name=step.dataset.name,
        s3_uri=folder,
        fingerprint=step.dataset.fingerprint,
        classes_s3_uri=write("classes.json", class_names),
        train_manifest_s3_uri=write("train.manifest", manifest(folder, images, "train")),
        validation_manifest_s3_uri=write("validation.manifest", manifest(folder, images, "validation")),
        test_manifest_s3_uri=write("test.manifest", manifest(folder, images, "test")),
        report_s3_uri=write("report.json", report(step, class_names, images, made, layout.set_aside)),
        num_classes=len(class_names),
        num_train=counts["train"],
        num_validation=counts["validation"],
        num_test=counts["test"],
        backbone_is_frozen=settings.trainable == "head",
    )
    logger.info("dataset validated", dataset=dataset.to_event(), num_set_aside=len(layout.set_aside), made_splits=made)
    return dataset.to_event()
