"""Which pictures are worth a closer look together: nearest neighbours by blocked products, never all pairs at once."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_BLOCK = 2048  # rows of the product that are in memory at once
_PRODUCT = _BLOCK * 20_000  # numbers of it: of many rows, fewer at once
_CHUNK = 8192  # rows of features that are in memory at once
_COMPONENTS = 128  # of features: as good for finding candidates as all of them, at a tenth of the time


class Rows(Protocol):
    """Features (N, num_features) that may lie on disk: an array, or what gives one for indices."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: NDArray[np.int64], /) -> NDArray[np.float32]: ...


Features = NDArray[np.float32] | Rows


def class_blocks(labels: Sequence[int], limit: int) -> list[NDArray[np.int64]]:
    """Return the places of `labels`, each once, in blocks of at most `limit`: whole classes, where one fits."""
    places = np.arange(len(labels))
    if len(labels) <= limit:
        return [places]
    given = np.asarray(labels)
    blocks: list[list[NDArray[np.int64]]] = []
    size = limit
    for label in np.unique(given):
        own = places[given == label]
        for piece in np.array_split(own, -(-len(own) // limit)):
            if size + len(piece) > limit:
                blocks.append([])
                size = 0
            blocks[-1].append(piece)
            size += len(piece)
    return [np.sort(np.concatenate(block)) for block in blocks]


def unit_features(
    features: Features, components: int = _COMPONENTS, chosen: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """Return features (N, at most `components`) about their mean, by principal components, each row of norm 1.

    They are those of the `chosen` rows, which are read a few thousand at a time.
    """
    places = np.arange(len(features)) if chosen is None else chosen
    chunks = [places[start : start + _CHUNK] for start in range(0, len(places), _CHUNK)]
    sums = [_rows(features, chunk).double().sum(dim=0) for chunk in chunks]
    mean = (torch.stack(sums).sum(dim=0) / len(places)).float()
    axes = _axes(features, chunks, mean, components)
    parts = [_unit(_rows(features, chunk) - mean, axes) for chunk in chunks]
    return np.asarray(torch.cat(parts).numpy(), np.float32)


def _axes(features: Features, chunks: Sequence[NDArray[np.int64]], mean: Tensor, components: int) -> Tensor | None:
    """Return the principal axes (num_features, components); None where there are no more than that."""
    if min(sum(map(len, chunks)), len(mean)) <= components:
        return None
    scatter = torch.zeros(len(mean), len(mean))
    for chunk in chunks:
        centred = _rows(features, chunk) - mean
        scatter += centred.T @ centred
    axes: Tensor = torch.linalg.eigh(scatter)[1][:, -components:]
    return axes


def _unit(centred: Tensor, axes: Tensor | None) -> Tensor:
    rows = centred if axes is None else centred @ axes
    unit: Tensor = rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return unit


def _rows(features: Features, places: NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(np.asarray(features[places], np.float32))


def hash_rows(hashes: list[int]) -> NDArray[np.float32]:
    """Return 64-bit hashes as rows of norm 1, whose product is 1 - distance / 32."""
    data = b"".join(value.to_bytes(8, "big") for value in hashes)
    bits = np.unpackbits(np.frombuffer(data, np.uint8)).reshape(-1, 64)
    return np.asarray((bits.astype(np.float32) * 2 - 1) / 8, np.float32)


def nearest(rows: NDArray[np.float32], count: int, least: float) -> NDArray[np.int64]:
    """Return pairs (P, 2), lower index first: each row with up to `count` others, of a product of at least `least`."""
    parts = [pairs[values >= least] for pairs, values in _top(rows, count)]
    pairs = np.sort(np.concatenate(parts), axis=1) if parts else np.empty((0, 2), np.int64)
    return np.unique(pairs, axis=0).reshape(-1, 2)


def mean_distance(rows: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return how far each row is, on average, from its `count` nearest others: 1 - product."""
    parts = [1 - values.reshape(-1, min(count, len(rows) - 1)).mean(axis=1) for _, values in _top(rows, count)]
    return np.concatenate(parts) if parts else np.zeros(len(rows), np.float32)


def _top(rows: NDArray[np.float32], count: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Yield pairs (row, other) and their products, the nearest `count` of each row, block by block."""
    count = min(count, len(rows) - 1)
    tensor = torch.from_numpy(rows)
    at_once = min(_BLOCK, max(1, _PRODUCT // max(1, len(rows))))
    for start in range(0, len(rows) if count > 0 else 0, at_once):
        product = tensor[start : start + at_once] @ tensor.T
        block = torch.arange(len(product))
        product[block, start + block] = -2.0  # not itself
        values, others = product.topk(count, dim=1)
        pairs = torch.stack([(start + block)[:, None].expand_as(others), others], dim=2).reshape(-1, 2)
        yield pairs.numpy(), values.reshape(-1).numpy()
