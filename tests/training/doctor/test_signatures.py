"""training/doctor/signatures.py: what one picture is by itself."""

from tests.training.doctor.photographs import blurred, photograph, saved, signature


def distance(one, other):
    """Return how many bits of two perceptual hashes differ."""
    return (one.perceptual_hash ^ other.perceptual_hash).bit_count()


def test_the_hash_of_a_copy_is_near():
    """Saved again at half the size and a low quality, a picture keeps all but a few bits."""
    original = signature(saved(photograph(1)))
    copy = signature(saved(photograph(1).resize((48, 48)), quality=40))

    assert distance(original, copy) <= 6
    assert original.sha256 != copy.sha256


def test_the_hashes_of_two_pictures_are_far():
    """Of 64 bits about half differ between pictures that have nothing in common."""
    assert distance(signature(saved(photograph(1))), signature(saved(photograph(2)))) > 16


def test_a_blurred_picture_is_less_sharp():
    """What is left of its variation lies between far pixels, not between neighbours."""
    assert signature(saved(blurred(photograph(1)))).sharpness < 0.3 * signature(saved(photograph(1))).sharpness


def test_size_and_brightness_are_those_of_the_file():
    """A black picture of 30 x 20 pixels says so."""
    black = signature(saved(photograph(1).resize((30, 20)).point(lambda level: 0)))

    assert (black.width, black.height, black.brightness, black.contrast) == (30, 20, 0, 0)
