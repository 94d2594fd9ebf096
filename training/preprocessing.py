"""What training does with pixels: `decode_image` and `normalise`, in torch.

Reading an image file is in training/decoding.py, without torch, since the endpoint does it too.
"""

import torch
from torch import Tensor

from training.decoding import FORMATS, MAX_PIXELS, ImageError, Preprocessing, decode_pixels

__all__ = ["FORMATS", "MAX_PIXELS", "ImageError", "Preprocessing", "decode_image", "normalise"]


def decode_image(data: bytes, preprocessing: Preprocessing) -> Tensor:
    """Return the picture in `data` as a uint8 tensor (3, image_size, image_size): upright, RGB, scaled, cropped.

    Raises:
        ImageError: no JPEG, PNG, GIF or WebP, damaged, or over 25 megapixels.
    """
    return torch.from_numpy(decode_pixels(data, preprocessing).copy()).permute(2, 0, 1).contiguous()


def normalise(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Turn uint8 images (B, 3, H, W) into float32 with the mean taken off and divided by the standard deviation.

    Element by element, so an image comes out the same whatever batch it is in.
    """
    mean = torch.tensor(preprocessing.mean, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(preprocessing.std, device=images.device).view(1, 3, 1, 1)
    return images.to(torch.float32).div_(255).sub_(mean).div_(std)
