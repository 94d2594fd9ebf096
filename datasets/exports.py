"""Exports for other tasks than classification, known by the files that lie beside their pictures."""

import re
from collections import Counter

from datasets.names import is_notes
from datasets.paths import is_image_name

_COCO = re.compile(r"(instances|person_keypoints|captions|panoptic|stuff|_?annotations).*\.json|.*coco.*\.json")
_SHARE = 0.5  # of the pictures that have a note each


class Evidence:
    """Counts what tells an export from pictures in class folders; nothing is kept of a single file."""

    def __init__(self) -> None:
        self._suffixes: Counter[str] = Counter()
        self._images = self._masks = 0
        self._coco = ""

    def add(self, parts: list[str]) -> None:
        """Take note of a file by the parts of its path."""
        name = parts[-1].lower()
        if is_image_name(name):
            self._images += 1
            self._masks += any(map(is_notes, parts[:-1]))
        elif _COCO.fullmatch(name):
            self._coco = self._coco or "/".join(parts)
        else:
            self._suffixes[name.rpartition(".")[2]] += 1

    def export(self) -> str:
        """Return what the tree is an export of, with the sign that it is known by; "" where there is none."""
        if self._coco:
            return f"COCO annotations ({self._coco})"
        for suffix, kind in (
            ("xml", "Pascal VOC annotations"), ("txt", "YOLO labels"), ("json", "LabelMe annotations"),
        ):  # fmt: skip
            if 0 < self._images * _SHARE <= self._suffixes[suffix]:
                return f"{kind} ({self._suffixes[suffix]} .{suffix} files for {self._images} pictures)"
        if self._masks:
            return f"masks ({self._masks} of {self._images} pictures are in folders of masks)"
        return ""
