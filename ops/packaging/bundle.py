"""What the template refers to by a local path, packaged under its content hash and named by its S3 URI instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.errors import BundleError
from ops.packaging.archive import content_hash, tar_gz_bytes, zip_bytes
from ops.packaging.layer import layer_zip
from ops.packaging.wheels import wheel_files
from ops.session import REPOSITORY

TEMPLATE = "template.yaml"
_PROPERTY = re.compile(r"^(?P<lead>\s*(?:- )?(?:CodeUri|ContentUri|DefinitionUri):\s*)(?P<path>[^\s#]+)", re.MULTILINE)
_FUNCTIONS = ("handlers", "datasets")  # what every Lambda function gets
_SOURCE = ("training", "inference", "reports", "datasets")  # what a training job gets
_SKIPPED_FOLDERS = {"__pycache__", "tests"}


@dataclass(frozen=True)
class Asset:
    """One object for the artifacts bucket; `local_path` is how template.yaml names it, "" when it does not."""

    key: str
    content: bytes
    local_path: str = ""


@dataclass(frozen=True)
class Bundle:
    """Everything that `deploy.py up` uploads, and the template's text with its local paths."""

    template: str
    assets: tuple[Asset, ...]
    source_key: str

    def packaged_template(self, bucket: str) -> str:
        """Return the template with each local path replaced by the S3 URI of its asset in `bucket`.

        Raises:
            BundleError: the template names a path that nothing was built for.
        """
        uris = {asset.local_path: f"s3://{bucket}/{asset.key}" for asset in self.assets if asset.local_path}
        return _PROPERTY.sub(lambda match: match["lead"] + _uri(match["path"], uris), self.template)


def build(*, for_this_machine: bool, root: Path = REPOSITORY) -> Bundle:
    """Package handlers, layer, training source and state machine of the repository at `root`.

    Raises:
        BundleError: a part is missing or the layer cannot be built.
    """
    handlers = zip_bytes(_files(root, _FUNCTIONS))
    layer = layer_zip(root / "handlers" / "requirements.txt", for_this_machine=for_this_machine)
    # Jobs of the embedded account have this machine's packages.
    source = tar_gz_bytes(source_files(root) | ({} if for_this_machine else wheel_files(root)))
    definition = _read(root / "statemachine" / "pipeline.asl.json")
    source_asset = Asset(f"source/{content_hash(source)}/sourcedir.tar.gz", source)
    assets = (
        Asset(f"handlers/{content_hash(handlers)}.zip", handlers, "build/handlers"),
        Asset(f"layers/{content_hash(layer)}.zip", layer, "build/layer"),
        Asset(f"statemachine/{content_hash(definition)}.json", definition, "statemachine/pipeline.asl.json"),
        source_asset,
    )
    return Bundle(_read(root / TEMPLATE).decode(), assets, source_asset.key)


def source_files(root: Path = REPOSITORY) -> dict[str, Path]:
    """Return what a training job gets, by its path in the archive."""
    return _files(root, _SOURCE)


def _files(root: Path, packages: Iterable[str]) -> dict[str, Path]:
    return {name: path for package in packages for name, path in _package_files(root, package).items()}


def _package_files(root: Path, package: str) -> dict[str, Path]:
    if not (root / package).is_dir():
        raise BundleError(f"folder {package!r}: missing in {root}; run deploy.py from a complete checkout")
    return {path.relative_to(root).as_posix(): path for path in _source_files(root / package)}


def _source_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if (
            path.is_file()
            and path.suffix != ".pyc"
            and not _SKIPPED_FOLDERS.intersection(path.parts[len(folder.parts) :])
        ):
            yield path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise BundleError(f"file {path.name!r}: missing; run deploy.py from a complete checkout") from error


def _uri(path: str, uris: Mapping[str, str]) -> str:
    plain = path.strip("'\"").removeprefix("./").rstrip("/")
    if plain.startswith("s3://"):
        return path
    if plain not in uris:
        raise BundleError(
            f"template path {plain!r}: nothing is built for it; expected one of {', '.join(sorted(uris))}"
        )
    return uris[plain]
