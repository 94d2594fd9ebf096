"""What is saved when there is no room."""

from pathlib import Path
from typing import Any

from embedded_account.account import Account
from embedded_account.durability.keeper import Keeper, Part
from embedded_account.s3.disk import Disk


def _nothing(_: Any) -> None:
    """Take nothing back."""


def test_a_part_without_room_keeps_no_other_from_being_saved(bare_account: Account, tmp_path: Path) -> None:
    """The other parts are saved, and contents that were given up make room all the same."""
    folder = tmp_path / "state"
    doomed = tmp_path / "doomed"
    doomed.write_text("an object that was deleted")
    disk = Disk(tmp_path, keeps=True)
    disk.discard(doomed)
    parts = [Part("large", lambda: "x" * 100_000, _nothing), Part("small", lambda: "y", _nothing)]
    keeper = Keeper(bare_account, folder, parts, disk)
    (folder / "large.tmp").symlink_to("/dev/full")

    keeper.save()

    assert [path.name for path in folder.iterdir()] == ["small.pickle"]
    assert not doomed.exists()


def test_nothing_is_saved_behind_the_last_save(bare_account: Account, tmp_path: Path) -> None:
    """Services let go of what they have when the account stops, while a save of the background may be under way."""
    held = ["a function's address"]
    keeper = Keeper(
        bare_account, tmp_path, [Part("addresses", lambda: list(held), held.extend)], Disk(tmp_path, keeps=True)
    )
    keeper.end()
    held.clear()

    keeper.save()
    keeper.restore()

    assert held == ["a function's address"]
