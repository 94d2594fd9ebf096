"""What a folder in S3 is as a dataset, split and checked; one that is refused leaves its record all the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from datasets.gate import check_layout, check_unusable
from datasets.layout import File, Image, Images, Layout, SetAside, read_layout
from datasets.paths import file_problem
from datasets.splits import make_splits, units_of
from handlers.aws.logs import logger
from handlers.contract.errors import AwsError, DatasetError
from handlers.contract.settings import Settings
from handlers.contract.states import ValidateDatasetInput
from handlers.datasets.opening import table_reader
from handlers.datasets.pictures import write_record
from handlers.datasets.refusals import as_dataset_error


@dataclass(frozen=True)
class Reading:
    """A dataset that can be trained on."""

    layout: Layout
    class_names: list[str]
    images: Images  # each in its split
    made: list[str]  # the splits that were taken from train
    num_unusable: int  # pictures that are empty or too large


def read_dataset(
    step: ValidateDatasetInput, settings: Settings, folder: str, files: Sequence[File], aside: Sequence[SetAside]
) -> Reading:
    """Return what lies below the S3 URI `folder`.

    Raises:
        DatasetError: it cannot be trained on; its record says what was there, as far as it could be read.
    """
    layout = None
    try:
        with as_dataset_error():
            layout = read_layout(files, aside, table_reader(folder, files))
            class_names = check_layout(layout, step.dataset.name, settings.min_images_per_class)
            num_unusable = check_unusable(layout, settings.max_unreadable)
            units = units_of(layout.images, settings.group_by)
    except DatasetError:
        _record_of_refused(step, settings, folder, files, layout or _unread(files))
        raise
    fractions = dict.fromkeys(("validation", "test"), settings.validation_fraction)
    images, made = make_splits(layout.images, fractions, settings.seed, units)
    return Reading(layout, class_names, images, made, num_unusable)


def _unread(files: Sequence[File]) -> Layout:
    """Return what might be pictures by their names, of a dataset that could not be read."""
    pictures = (Image(file.path, "", "") for file in files if not file_problem(file.path, file.size))
    return Layout(images=Images.of(pictures))


def _record_of_refused(
    step: ValidateDatasetInput, settings: Settings, folder: str, files: Sequence[File], layout: Layout
) -> None:
    """Write down what was there, for people; why it was refused is said whether that works or not."""
    top = layout.top
    try:
        write_record(settings.bucket_name, record_place(step), folder + top, layout.images, files, top)
    except AwsError:
        logger.exception("the record of the pictures was not written")


def record_place(step: ValidateDatasetInput) -> str:
    """Return the prefix of the keys that ValidateDataset writes."""
    return f"runs/{step.execution_name}/dataset/"
