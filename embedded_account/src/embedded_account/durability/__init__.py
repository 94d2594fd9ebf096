"""The optional state folder: what the account holds survives its end, whether it was stopped or killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedded_account.account import Account


def install(account: Account) -> None:
    """Take back what the state folder holds, and save to it from now on; nothing without such a folder.

    Called after every other service.
    """
    if account.state_folder is None:
        return
    from embedded_account.durability.keeper import Keeper, Part
    from embedded_account.durability.moto_parts import parts

    (disk,) = account.running("disk")
    own = [Part(name, read, write) for name, read, write in account.persisted]
    own.append(Part("root-key", lambda: account.sessions.root, account.sessions.adopt_root))
    keeper = Keeper(account, account.state_folder, parts(account, disk) + own, disk)
    keeper.restore()
    keeper.start()
