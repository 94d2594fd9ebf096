"""Paths of files in a dataset: what may not be one, what systems leave about, and what may be an image."""

import re

from datasets.errors import DatasetError
from datasets.limits import IMAGE_SUFFIXES, MAX_IMAGE_BYTES, MAX_PATH_BYTES

# What Windows, macOS and network stores put beside people's files, in lower case; names that begin with a dot as well.
_LITTER = frozenset(
    {
        "__macosx",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "$recycle.bin",
        "system volume information",
        "@eadir",
        "#recycle",
        "#snapshot",
        "lost+found",
        "__pycache__",
    }
)
EMPTY, TOO_LARGE = "zero bytes", f"larger than {MAX_IMAGE_BYTES} bytes"  # why a picture is set aside unread
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHOWN = 120  # characters
_DRIVE = re.compile(r"[A-Za-z]:")


def safe_path(name: str) -> str:
    """Return a member's or object's relative path with forward slashes.

    Raises:
        DatasetError: it is absolute, climbs with "..", holds control characters, or is too long for S3.
    """
    path = name.replace("\\", "/")
    parts = path.split("/")
    if path.startswith("/") or _DRIVE.match(path) or ".." in parts or _CONTROL.search(path):
        raise DatasetError(f"path {shown(name)} points outside the dataset; expected CLASS/FILE or SPLIT/CLASS/FILE")
    if len(path.encode(errors="surrogatepass")) > MAX_PATH_BYTES:
        raise DatasetError(f"path {shown(name)} is longer than {MAX_PATH_BYTES} bytes; shorten its names")
    return "/".join(part for part in parts if part not in ("", "."))


def shown(name: str) -> str:
    """Return a name as a sentence quotes it: escaped, and cut when it is long."""
    text = repr(name)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...'"


def path_parts(path: str) -> list[str]:
    """Return the path's parts, or [] for one that would become another name, or leave its folder, on a disk."""
    try:
        clean = safe_path(path)
        clean.encode()  # a disk may hold names that are none in UTF-8, and S3 none of them
    except (DatasetError, UnicodeEncodeError):
        return []
    return clean.split("/") if clean == path.removesuffix("/") else []


def is_litter(name: str) -> bool:
    """Tell whether a file or folder of this name is hidden or a system's own."""
    return name.startswith(".") or name.lower() in _LITTER


def is_image_name(name: str) -> bool:
    return name.lower().endswith(IMAGE_SUFFIXES)


def file_problem(path: str, size: int | None) -> str:
    """Return why a file is no usable image, or "" when it may be one; its bytes are not looked at.

    `size` is None where it is not known before the file is read.
    """
    parts = path.split("/")
    if any(map(is_litter, parts)):
        return "hidden or system file"
    if not is_image_name(parts[-1]):
        return f"not an image by its name; expected {', '.join(IMAGE_SUFFIXES)}"
    if size == 0:
        return EMPTY
    if size is not None and size > MAX_IMAGE_BYTES:
        return TOO_LARGE
    return ""
