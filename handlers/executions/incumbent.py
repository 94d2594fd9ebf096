"""The incumbent: the dataset whose model serves, and what that model can say, before anything new is paid for."""

from collections.abc import Collection
from dataclasses import dataclass

from handlers.aws.objects import read
from handlers.contract.errors import AwsNotFoundError, DatasetError
from handlers.contract.json_bounds import bounded_json
from handlers.contract.replacement import may_replace, refusal
from handlers.contract.settings import Settings
from handlers.executions.redeployments import serving_config
from handlers.gate.critical import critical_classes
from handlers.gate.opinion import listed
from handlers.gate.settings import ClassSettings
from handlers.ledger import Ledger, Run
from handlers.ledger.history import origin

_MAX_CLASSES_BYTES = 16 * 1024 * 1024
_MAX_MEMORY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Incumbent:
    """What serves, as far as a run of this stack has put it there: nothing is known of a model deployed by hand."""

    dataset: str = ""
    run: str = ""  # that trained the model


def incumbent(ledger: Ledger, settings: Settings) -> Incumbent:
    """Return what serves now."""
    config = serving_config(ledger, settings)
    run = Run.get(ledger, config) if config else None
    return Incumbent(run.dataset or "", origin(run)) if run else Incumbent()


def replaced(dataset: str, serving: Incumbent, settings: Settings) -> str:
    """Return the dataset whose model a run on `dataset` replaces, "" where that is its own or none.

    Raises:
        DatasetError: ReplaceDataset does not say that it may.
    """
    if not may_replace(dataset, serving.dataset, settings.replace_dataset):
        raise DatasetError(refusal(dataset, serving.dataset, settings.endpoint_name))
    return "" if serving.dataset == dataset else serving.dataset


def check_classes(class_names: Collection[str], serving: Incumbent, settings: Settings, asked: ClassSettings) -> None:
    """Refuse classes that the gate would refuse whatever is trained.

    A class that is gone may have been renamed, which the gate tells by its pictures; so many as there are new names.

    Raises:
        DatasetError: CriticalClasses names one that is not there, or more of the serving model's are gone.
    """
    unknown = [name for name in critical_classes(asked.critical_classes) if name not in class_names]
    if unknown:
        raise DatasetError(
            f"CriticalClasses names {listed(unknown)}, of which the dataset has no picture; nothing was trained, "
            "upload some, or take the name out of the parameter"
        )
    known = _class_names(serving.run, settings)
    gone, new = sorted(known - set(class_names)), sorted(set(class_names) - known)
    if asked.allow_removed_classes == "true" or len(gone) <= len(new):
        return
    renamed = f" (of which the new {listed(new)} can be no more than {len(new)})" if new else ""
    raise DatasetError(
        f"classes {listed(gone)} of the serving model are not in this dataset{renamed}; nothing was trained, upload "
        "pictures of them, or set AllowRemovedClasses=true"
    )


def _class_names(run: str, settings: Settings) -> set[str]:
    """Return the classes of the model that a run trained, none where they are not known any more."""
    if not run:
        return set()
    try:
        text = read(settings.bucket_name, f"runs/{run}/dataset/classes.json", _MAX_CLASSES_BYTES)
        return {str(name) for name in bounded_json(text, _MAX_MEMORY_BYTES)}
    except (AwsNotFoundError, ValueError):
        return set()
