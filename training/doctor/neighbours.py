"""Which pictures are worth a closer look together: nearest neighbours by blocked products, never all pairs at once."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

_BLOCK = 2048  # rows of the product that are in memory at once
_COMPONENTS = 128  # of features: as good for finding candidates as all of them, at a tenth of the time


def unit_features(features: NDArray[np.float32], components: int = _COMPONENTS) -> NDArray[np.float32]:
    """Return features (N, at most `components`) about their mean, by principal components, each row of norm 1."""
    centred = torch.from_numpy(features).float()
    centred = centred - centred.mean(dim=0)
    if min(centred.shape) > components:
        _, axes = torch.linalg.eigh(centred.T @ centred)
        centred = centred @ axes[:, -components:]
    return np.asarray((centred / centred.norm(dim=1, keepdim=True).clamp_min(1e-12)).numpy(), np.float32)


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
    for start in range(0, len(rows) if count > 0 else 0, _BLOCK):
        product = tensor[start : start + _BLOCK] @ tensor.T
        block = torch.arange(len(product))
        product[block, start + block] = -2.0  # not itself
        values, others = product.topk(count, dim=1)
        pairs = torch.stack([(start + block)[:, None].expand_as(others), others], dim=2).reshape(-1, 2)
        yield pairs.numpy(), values.reshape(-1).numpy()
