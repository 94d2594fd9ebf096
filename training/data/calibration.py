"""The training images that show which range each tensor of a network takes."""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.decoding import ImageError, decode_pixels
from inference.preprocessing import Preprocessing
from training.listing import Sample

CALIBRATION_IMAGES = 128
logger = logging.getLogger(__name__)


def calibration_images(samples: Sequence[Sample], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return up to 128 training images (N, H, W, 3), evenly spread over the classes, as they are seen when served."""
    chosen = [samples[index] for index in evenly_spread(len(samples), CALIBRATION_IMAGES)]
    pictures = []
    for sample in chosen:
        try:
            pictures.append(decode_pixels(sample.path.read_bytes(), preprocessing))
        except (ImageError, OSError) as error:
            logger.warning("%r is left out of the calibration: %s", sample.relative_path, error)
    return np.stack(pictures)


def evenly_spread(total: int, limit: int) -> NDArray[np.int64]:
    """Return up to `limit` indices below `total`, evenly spread."""
    return np.unique(np.linspace(0, total - 1, min(total, limit)).round().astype(np.int64))
