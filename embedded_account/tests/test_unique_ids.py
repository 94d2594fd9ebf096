"""Tests of the ids of requests and events."""

from uuid import UUID

from embedded_account import unique_ids


def test_uuids_differ_and_are_of_version_4() -> None:
    """Whoever reads one takes it for any other random UUID."""
    made = {unique_ids.new_uuid() for _ in range(1000)}

    assert len(made) == 1000
    assert {UUID(one).version for one in made} == {4}


def test_a_hexadecimal_id_has_all_its_digits() -> None:
    """Zeros at its beginning are digits too."""
    made = {unique_ids.hex_id(2) for _ in range(5000)}

    assert made == {f"{number:02X}" for number in range(256)}


def test_bytes_are_as_many_as_asked_for() -> None:
    """Two draws differ."""
    first, second = unique_ids.random_bytes(57), unique_ids.random_bytes(57)

    assert len(first) == len(second) == 57
    assert first != second
