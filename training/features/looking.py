"""What is computed of a part of the pictures: signatures and served features of each, or features of varied views."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.decoding import ImageError
from inference.preprocessing import Preprocessing
from training.config import TrainingConfig
from training.data.augmentation import RECIPES, augment, rand_augment
from training.data.prefetch import prefetched
from training.data.splits import content_of, decode_image
from training.doctor.signatures import THUMBNAIL_SIDE, Signature, signature_of
from training.features.extractors import Extractor
from training.features.parts import Part
from training.features.store import half_precision
from training.listing import DataProblem, Sample
from training.shortages import shortage

BATCH_SIZE = 32
Keep = Callable[[int, bytes, Tensor], None]  # hears the place, bytes and served pixels of each file that decodes


@dataclass(frozen=True)
class Seen:
    """A file as it was read: its signature and pixels as they are served, or why there are none."""

    digest: str  # SHA-256 in hex; empty where the file could not even be read
    problem: str = ""
    signature: Signature | None = None
    pixels: Tensor | None = None


def looked(
    paths: Sequence[Path], extractor: Extractor | None, preprocessing: Preprocessing, keep: Keep | None = None
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return content and arrays of a part: a row a file, and of each that decodes its thumbnail and its features."""
    rows, thumbnails, features = [], [], []
    for batch in prefetched(_read(paths, preprocessing, keep)):
        rows += [_row(each) for each in batch]
        thumbnails += [each.signature.thumbnail for each in batch if each.signature is not None]
        pixels = [each.pixels for each in batch if each.pixels is not None]
        if pixels and extractor is not None:
            features.append(extractor.features(torch.stack(pixels)).numpy())
    side = THUMBNAIL_SIDE
    arrays: dict[str, NDArray[Any]] = {
        "thumbnails": np.stack(thumbnails) if thumbnails else np.empty((0, side, side), np.uint8)
    }
    if extractor is not None:
        arrays["features"] = np.concatenate(features).astype(np.float32) if features else np.empty((0, 0), np.float32)
    return {"files": rows}, arrays


def outcomes(part: Part, samples: Sequence[Sample]) -> list[Signature | DataProblem]:
    """Return what a part says of each of its samples."""
    thumbnails, place, result = part.array("thumbnails"), 0, list[Signature | DataProblem]()
    for sample, (digest, problem, *values) in zip(samples, part.content["files"], strict=True):
        if problem:
            result.append(DataProblem(sample.relative_path, problem))
            continue
        width, height, bits, *floats = values
        result.append(
            Signature(bytes.fromhex(digest), width, height, int(bits, 16), thumbnails[place], *map(float, floats))
        )
        place += 1
    return result


def has_same_files(part: Part, paths: Sequence[str]) -> bool:
    """Tell whether the files of a part have the bytes that it was made of."""
    with ThreadPoolExecutor(cpu_count()) as pool:
        return all(pool.map(lambda row, path: row[0] == _digest(Path(path)), part.content["files"], paths))


def varied(
    batches: Iterator[Tensor], extractor: Extractor, config: TrainingConfig, number: int, views: int
) -> NDArray[np.float16]:
    """Return float16 features (N, views, num_features) of varied views of part `number` of the images to train on.

    What is drawn depends on the seed and on the part, and not on who computes it, or after what.
    """
    generator = torch.Generator().manual_seed(_seed(config.seed, number))
    torch.manual_seed(_seed(config.seed, number))  # RandAugment draws from it
    blocks = []
    for images in batches:
        of_batch = [extractor.features(_varied(images, config, generator)) for _ in range(views)]
        blocks.append(half_precision(torch.stack(of_batch, dim=1)).numpy())
    return np.concatenate(blocks)


def _read(paths: Sequence[Path], preprocessing: Preprocessing, keep: Keep | None) -> Iterator[list[Seen]]:
    """Yield what the files hold, a batch at a time; Pillow decodes outside the interpreter lock."""

    def seen(index: int) -> Seen:
        digest = ""
        try:
            data = content_of(paths[index])
            digest = sha256(data).hexdigest()
            pixels = decode_image(data, preprocessing)
        except (ImageError, OSError) as error:
            if shortage(error):  # too many open files are no fault of the picture
                raise
            return Seen(digest, str(error) or type(error).__name__)
        if keep is not None:
            keep(index, data, pixels)
        return Seen(digest, "", signature_of(data, pixels.numpy()), pixels)

    with ThreadPoolExecutor(cpu_count()) as pool:
        for start in range(0, len(paths), BATCH_SIZE):
            yield list(pool.map(seen, range(start, min(start + BATCH_SIZE, len(paths)))))


def _row(seen: Seen) -> list[Any]:
    if seen.signature is None:
        return [seen.digest, seen.problem]
    each = seen.signature
    measured = [each.sharpness, each.brightness, each.contrast]
    return [seen.digest, "", each.width, each.height, f"{each.perceptual_hash:x}", *measured]


def _digest(path: Path) -> str:
    try:
        return sha256(content_of(path)).hexdigest()
    except (ImageError, OSError):
        return ""


def _varied(images: Tensor, config: TrainingConfig, generator: torch.Generator) -> Tensor:
    """Return one variation of each image, as an epoch of training on images would see it."""
    pixels = rand_augment(images, config.randaugment) if config.randaugment else images
    recipe = RECIPES[config.augment]
    return pixels if recipe is None else augment(pixels, recipe, generator, config.image_size)


def _seed(seed: int, number: int) -> int:
    """Return the seed itself for the first part, and one of its own for each other."""
    return seed if number == 0 else int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0] >> 1)
