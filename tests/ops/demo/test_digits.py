"""The demo's pictures."""

from collections import Counter
from pathlib import Path

from PIL import Image

from ops.demo.digits import NUM_SCANS, held_out_picture, write_digits


def test_digits_are_split_by_class_and_none_is_lost(tmp_path: Path) -> None:
    """Each of the 1,797 scans is in exactly one split, and every split has every digit in like shares."""
    assert write_digits(tmp_path) == NUM_SCANS

    pictures = [path.relative_to(tmp_path).parts for path in tmp_path.rglob("*.png")]
    splits = Counter(parts[0] for parts in pictures)

    assert len({parts[2] for parts in pictures}) == NUM_SCANS
    assert splits == {"train": 1259, "valid": 269, "test": 269}
    for split in splits:
        digits = Counter(parts[1] for parts in pictures if parts[0] == split)
        assert set(digits) == set("0123456789")
        assert max(digits.values()) - min(digits.values()) <= 0.1 * sum(digits.values()) / 10 + 2


def test_digits_are_the_same_every_time(tmp_path: Path) -> None:
    """The seed is fixed, so a second run of the demo is about the same dataset."""
    first, second = tmp_path / "a", tmp_path / "b"
    write_digits(first)
    write_digits(second)

    names = sorted(path.relative_to(first) for path in first.rglob("*.png"))

    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_held_out_picture_is_of_the_test_split(tmp_path: Path) -> None:
    """The picture that the demo asks about was not in training."""
    write_digits(tmp_path)

    path, digit = held_out_picture(tmp_path)

    assert path.startswith(f"test/{digit}/")
    with Image.open(tmp_path / path) as picture:
        assert (picture.mode, picture.size) == ("L", (32, 32))
