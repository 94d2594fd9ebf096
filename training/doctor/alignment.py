"""How well one picture fits into another: the best correlation of their details over places and scales.

Without its low frequencies two photographs of one kind of thing have little in common, and a copy that was cropped,
resized or saved again still has nearly all. The measured distributions are in docs/experiments.md.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training.doctor.signatures import THUMBNAIL_SIDE as _SIDE
from training.doctor.signatures import Grey

_BLUR = 6.0  # standard deviation, of 64 pixels: what is coarser does not count
_STEPS = range(16, 8, -1)  # sides of a crop, in sixteenths: down to 0.56 of the whole
_STRETCH = 2  # sixteenths by which width and height of a crop may differ
_COARSE = 0.4  # of pictures half as large and crops of their shape, without which the closer look is spared
_IN_MEMORY = 20_000  # pictures, whose details take 330 MB
_PAIRS = 32  # at once: their arrays fit the processor's cache

Details = NDArray[np.float32]


def details(thumbnails: Sequence[Grey]) -> Details:
    """Return what remains of 64 x 64 pictures without their low frequencies (N, 64, 64), each with mean 0 and norm 1.

    Of many pictures they lie in a file without a name, and take no memory that the machine cannot have back.
    """
    kernel, count = _gaussian(), len(thumbnails)
    rows = _in_file((count, _SIDE, _SIDE)) if count > _IN_MEMORY else np.empty((count, _SIDE, _SIDE), np.float32)
    for start in range(0, count, 512):
        part = np.stack(thumbnails[start : start + 512])
        rows[start : start + 512] = _sharpened(torch.from_numpy(part), kernel).numpy()
    return rows


def _in_file(shape: tuple[int, int, int]) -> Details:
    with tempfile.TemporaryFile() as file:
        return np.asarray(np.memmap(file, np.float32, "w+", shape=shape))


def correlations(rows: Details, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the correlation of each pair (P, 2) of pictures as they lie, whole on whole."""
    flat = rows.reshape(len(rows), -1)
    parts = [np.einsum("ij,ij->i", flat[part[:, 0]], flat[part[:, 1]]) for part in _chunks(pairs, 2048)]
    return np.concatenate([*parts, np.empty(0, np.float32)]).astype(np.float32)


def alignments(rows: Details, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return for each pair (P, 2) how well either picture fits into the other, at the best place and scale."""
    fine = torch.from_numpy(rows)
    best = _best_fits(lambda places: functional.avg_pool2d(fine[places][:, None], 2)[:, 0], pairs, stretch=0)
    closer = best >= _COARSE
    best[closer] = _best_fits(lambda places: fine[places], pairs[closer], _STRETCH)
    return best


def _best_fits(
    pictures: Callable[[NDArray[np.int64]], Tensor], pairs: NDArray[np.int64], stretch: int
) -> NDArray[np.float32]:
    def best(part: NDArray[np.int64]) -> NDArray[np.float32]:
        first, second = pictures(part[:, 0]), pictures(part[:, 1])
        return np.asarray(torch.maximum(_fit(first, second, stretch), _fit(second, first, stretch)).numpy())

    with _one_thread_each(), ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(best, _chunks(pairs, _PAIRS)))
    return np.concatenate([*parts, np.empty(0, np.float32)])


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let torch take one thread an operation: on arrays this small, several wait for each other most of the time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fit(whole: Tensor, part: Tensor, stretch: int) -> Tensor:
    """Return the best correlation (P,) of `part`, as a crop of any of `_shapes`, with a place in `whole` (P, S, S)."""
    side = whole.shape[-1]
    spectrum = torch.fft.rfft2(whole)
    sums, squares = _integral(whole), _integral(whole**2)
    best = torch.full((len(whole),), -1.0)
    for height, width in _shapes(side, stretch):
        crop = functional.interpolate(part[:, None], (height, width), mode="bilinear", antialias=True)[:, 0]
        crop = crop - crop.mean(dim=(1, 2), keepdim=True)
        crop = crop / crop.norm(dim=(1, 2), keepdim=True).clamp_min(1e-6)
        # A place where the crop lies inside does not wrap, so the transform needs no room beyond the picture.
        product = torch.fft.irfft2(spectrum * torch.fft.rfft2(crop, s=(side, side)).conj(), s=(side, side))
        product = product[:, : side - height + 1, : side - width + 1]
        mean_free = _window(squares, height, width) - _window(sums, height, width) ** 2 / (height * width)
        best = torch.maximum(best, (product / mean_free.clamp_min(1e-6).sqrt()).amax(dim=(1, 2)))
    return best.clamp(-1, 1)


def _shapes(side: int, stretch: int) -> Iterator[tuple[int, int]]:
    sixteenth = side // 16
    pairs = ((height, width) for height in _STEPS for width in _STEPS if abs(height - width) <= stretch)
    return ((height * sixteenth, width * sixteenth) for height, width in pairs)


def _integral(pictures: Tensor) -> Tensor:
    return functional.pad(pictures.double().cumsum(1).cumsum(2), (1, 0, 1, 0))


def _window(integral: Tensor, height: int, width: int) -> Tensor:
    """Return the sum over each window of `height` x `width` pixels."""
    lower, upper = integral[:, height:], integral[:, :-height]
    sums: Tensor = (lower[:, :, width:] - lower[:, :, :-width] - upper[:, :, width:] + upper[:, :, :-width]).float()
    return sums


def _sharpened(pictures: Tensor, kernel: Tensor) -> Tensor:
    grey = pictures.float()[:, None]
    margin = len(kernel) // 2
    padded = functional.pad(grey, (margin,) * 4, mode="reflect")
    blurred = functional.conv2d(functional.conv2d(padded, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))
    rest = (grey - blurred)[:, 0]
    rest = rest - rest.mean(dim=(1, 2), keepdim=True)
    norm = rest.norm(dim=(1, 2), keepdim=True)
    scaled: Tensor = rest / norm.clamp_min(1.0)  # a picture of one colour stays near 0: it fits nowhere
    return scaled


def _gaussian() -> Tensor:
    places = torch.arange(-18, 19).float()
    weights = torch.exp(-0.5 * (places / _BLUR) ** 2)
    return weights / weights.sum()


def _chunks(pairs: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [pairs[start : start + size] for start in range(0, len(pairs), size)]
