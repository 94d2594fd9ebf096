"""ValidateDataset: refuse what cannot be trained on, and write classes, manifests and a report."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.aws.objects import write_json
from handlers.contract.settings import Settings
from handlers.contract.states import Dataset, ValidateDatasetInput
from handlers.datasets.manifests import report, write_labels, write_manifest
from handlers.datasets.opening import check_names, open_dataset
from handlers.datasets.pictures import write_record
from handlers.datasets.reading import read_dataset, record_place
from handlers.executions.incumbent import Incumbent, check_classes, incumbent, replaced
from handlers.gate.settings import ClassSettings
from handlers.ledger import Ledger
from handlers.training_jobs.volumes import check_disk

aws.prepare("dynamodb", "s3", "sagemaker")


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step = ValidateDatasetInput.from_event(event)
    settings = Settings.from_env()
    check_names(step.execution_name, step.dataset)
    serving = incumbent(Ledger(settings), settings)
    replaces = replaced(step.dataset.name, serving, settings)
    folder, files, aside = open_dataset(step)
    reading = read_dataset(step, settings, folder, files, aside)
    layout, images, made = reading.layout, reading.images, ",".join(reading.made)
    folder += layout.top
    bucket, place = settings.bucket_name, record_place(step)
    record_s3_uri, record_sha256 = write_record(bucket, place, folder, images, files, layout.top)
    check_classes(reading.class_names, Incumbent() if replaces else serving, settings, ClassSettings.from_env())

    def write(name: str, value: Any) -> str:
        return write_json(bucket, place + name, value)

    counts = images.splits.counts()
    dataset = Dataset(
        name=step.dataset.name,
        s3_uri=folder,
        fingerprint=step.dataset.fingerprint,
        classes_s3_uri=write("classes.json", reading.class_names),
        train_manifest_s3_uri=write_manifest(bucket, place, folder, images, "train"),
        validation_manifest_s3_uri=write_manifest(bucket, place, folder, images, "validation"),
        test_manifest_s3_uri=write_manifest(bucket, place, folder, images, "test"),
        report_s3_uri=write("report.json", report(step, reading.class_names, images, reading.made, layout)),
        labels_s3_uri=write_labels(bucket, place, images) if layout.needs_labels() else "",
        pictures_s3_uri=record_s3_uri,
        pictures_sha256=record_sha256,
        num_classes=len(reading.class_names),
        num_train=counts["train"],
        num_validation=counts["validation"],
        num_test=counts["test"],
        num_bytes=images.num_bytes(),
        num_unusable=reading.num_unusable,
        made_splits=made,
        replaces=replaces,
    )
    check_disk(dataset, settings)
    logger.info("dataset validated", dataset=dataset.to_event(), num_set_aside=len(layout.set_aside), made_splits=made)
    return dataset.to_event()
