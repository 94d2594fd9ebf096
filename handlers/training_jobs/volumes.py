"""How much disk a job's instance needs for a dataset, told from its bytes, and whether its type has as much."""

from typing import Any

from handlers.contract.errors import SettingsError
from handlers.contract.settings import Settings
from handlers.contract.states import Dataset
from handlers.training_jobs.warm_pools import kept_warm

LEAST_GB = 50
MOST_GB = 16_384  # of an EBS volume
_SPARE = 1.2  # for what a job writes beside, and for a volume that is not filled to its brim
_BLOCK_BYTES = 4096  # a file takes whole ones
_FEATURE_BYTES = 2 * 2048  # of one view of a picture: the widest backbone's, in float16
# Of a picture in the parts that ComputeFeatures keeps until it is complete: features in float32, and a thumbnail.
_LOOKED_BYTES = 2 * _FEATURE_BYTES + 4096
# Types whose disk is their own NVMe, in GB: SageMaker gives them no EBS volume, and takes no request for a larger one.
# Source: EC2's instance types, accelerated computing.
_SIZES = ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "48xlarge")
_FAMILIES = {
    "g4dn": (125, 225, 225, 900, 900, 900),
    "g5": (250, 450, 600, 900, 3800, 1900, 3800, 7600),
    "g6": (250, 450, 600, 900, 3760, 1880, 3760, 7520),
}
_LOCAL_GB = {
    f"ml.{family}.{size}": gb
    for family, sizes in _FAMILIES.items()
    for size, gb in zip(_SIZES[: len(sizes)], sizes, strict=True)
} | {"ml.p3dn.24xlarge": 1800, "ml.p4d.24xlarge": 8000, "ml.p5.48xlarge": 30_400}


def needed_gb(dataset: Dataset, settings: Settings) -> int:
    """Return what a job that reads all pictures needs: they, and the features of a frozen backbone, twice."""
    count = dataset.num_train + dataset.num_validation + dataset.num_test
    views = 1 + settings.feature_views if settings.trainable == "head" else 0
    kept = _LOOKED_BYTES + max(0, 2 * views - 1) * _FEATURE_BYTES  # a picture's own view in float32, then all
    held = dataset.num_bytes + count * (_BLOCK_BYTES + kept)
    return max(LEAST_GB, int(_SPARE * held / 1e9) + LEAST_GB // 2)


def resources(
    dataset: Dataset, settings: Settings, instance_type: str, count: int = 1, state: str = ""
) -> dict[str, Any]:
    """Return the ResourceConfig of a job: instances of a type, with the same disk in all jobs of a run.

    With `state` it keeps its instance for the next job of the run, where there is one that takes it.
    """
    size = min(needed_gb(dataset, settings), _LOCAL_GB.get(instance_type, MOST_GB))
    instances = {"InstanceType": instance_type, "InstanceCount": count, "VolumeSizeInGB": size}
    return instances | kept_warm(settings, state)


def check_disk(dataset: Dataset, settings: Settings) -> None:
    """Refuse instance types whose disk is too small for the dataset, before any of them is paid for.

    Raises:
        SettingsError: naming the parameter, and what to take.
    """
    needed = needed_gb(dataset, settings)
    readers = {"TrainingInstanceType": settings.training_instance_type}
    if settings.trainable == "full":  # else tuning reads features alone
        readers["TuningInstanceType"] = settings.tuning_instance_type
    for name, kind in readers.items():
        if (most := _LOCAL_GB.get(kind, MOST_GB)) < needed:
            raise SettingsError(
                f"{name} {kind!r} has {most:,} GB of disk, and dataset {dataset.name!r} needs {needed:,} "
                f"({dataset.num_bytes / 1e9:,.0f} GB of pictures); {_remedy(needed)}"
            )


def _remedy(needed: int) -> str:
    enough = sorted((gb, kind) for kind, gb in _LOCAL_GB.items() if gb >= needed)
    if needed > MOST_GB:
        return "keep a part of the pictures, or save them smaller: a network sees a few hundred pixels"
    return f"take {enough[0][1]!r} ({enough[0][0]:,} GB), or a type without a disk of its own, such as 'ml.m5.2xlarge'"
