"""Whether features are those of the pictures that lie here now: the same files, of the same classes and splits."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from training.errors import FeaturesError
from training.features.store import FeatureSplit, FeatureStore, sha256_of
from training.listing import Listing


def check_images(store: FeatureStore, listings: Mapping[str, Listing], folder: Path) -> None:
    """Refuse features whose splits are not those of `listings`, or whose pictures have other bytes now.

    Another fraction or another seed makes other splits; a split that lies nowhere here is not compared.

    Raises:
        FeaturesError: naming the first picture that differs.
    """
    names = store.description["class_names"]
    set_aside = {problem["path"] for problem in store.description["data_problems"] if problem["kind"] == "set aside"}
    differences = [
        each for split in (store.train, store.validation) for each in _differences(split, names, listings, set_aside)
    ]
    if differences:
        more = f" and {len(differences) - 1} more" if len(differences) > 1 else ""
        raise FeaturesError(
            f"the features in {str(folder)!r} are of other data: {differences[0]}{more}; give another folder to "
            "--features, or delete this one, and they are computed anew"
        )


def _differences(
    split: FeatureSplit, class_names: Sequence[str], listings: Mapping[str, Listing], set_aside: set[str]
) -> Iterator[str]:
    """Yield in words what the split has too many of, lacks, or has with other bytes or of another class."""
    if split.name not in listings:
        return
    here = {sample.relative_path: sample for sample in listings[split.name].samples}
    known = {path: (class_names[index], sha256) for path, index, sha256 in split.samples}
    yield from (f"{path!r} is not in the {split.name} split now" for path in sorted(known.keys() - here.keys()))
    new = sorted(here.keys() - known.keys() - set_aside)
    yield from (f"{path!r} is new in the {split.name} split" for path in new)
    both = sorted(known.keys() & here.keys())
    moved = [path for path in both if here[path].class_name != known[path][0]]
    yield from (f"{path!r} is of class {here[path].class_name!r} now" for path in moved)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        digests = pool.map(sha256_of, (here[path].path for path in both))
        yield from (f"{path!r} has changed" for path, now in zip(both, digests, strict=True) if now != known[path][1])
