"""The kinds of picture that are decoded: what Pillow brings, and HEIC where its decoder is installed.

An endpoint and a training job decode alike: the artifact asks for the decoder that its training had.
"""

from PIL import Image, features

try:
    from pi_heif import register_heif_opener
except ImportError:  # requirements-decoders.txt names it
    register_heif_opener = None
else:
    register_heif_opener(thumbnails=False)

HAS_HEIF = register_heif_opener is not None
# Pillow decodes AVIF from 11.3 on; an older one warns of a feature that it does not know.
HAS_AVIF = "avif" in features.modules and bool(features.check("avif"))
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", *(["AVIF"] * HAS_AVIF), *(["HEIF"] * HAS_HEIF))
NAMES = "JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF or HEIC"
ORIENTATION_TAG = 0x0112
_TILE_WIDTH_TAG, _TILE_LENGTH_TAG = 322, 323
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"} | dict.fromkeys(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), "HEIC"
)


def missing_decoder(data: bytes) -> str:
    """Return why a file of a known kind cannot be decoded on this machine; empty where nothing is missing.

    Source: ISO/IEC 23008-12, the brand in the box "ftyp" that comes first.
    """
    kind = _BRANDS.get(bytes(data[8:12]), "") if data[4:8] == b"ftyp" else ""
    if kind == "HEIC" and not HAS_HEIF:
        return "HEIC image, and its decoder is not installed here; save it as JPEG, or install pi-heif"
    if kind == "AVIF" and not HAS_AVIF:
        return "AVIF image, and the Pillow that is installed here has no decoder for it; save it as JPEG"
    return ""


def tile_pixels(image: Image.Image) -> int:
    """Return how many pixels a tile of a TIFF has, as it says, whatever the size of the picture; 0 without tiles."""
    tags = getattr(image, "tag_v2", {})
    width, length = tags.get(_TILE_WIDTH_TAG, 0), tags.get(_TILE_LENGTH_TAG, 0)
    return width * length if isinstance(width, int) and isinstance(length, int) else 0


def is_turned(image: Image.Image) -> bool:
    """Tell whether Pillow turns a TIFF as it is loaded, into a picture beside the first."""
    return bool(getattr(image, "tag_v2", {}).get(ORIENTATION_TAG, 1) != 1)
