"""Faults on demand: what goes wrong on AWS, made to happen here by name, so often and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedded_account.account import Account


def install(account: Account) -> None:
    """Let `account` be broken on purpose, through its control path."""
    from embedded_account.faults.board import Board
    from embedded_account.faults.control import install_control
    from embedded_account.faults.events import Events
    from embedded_account.faults.processes import Breaker
    from embedded_account.faults.requests import Requests

    board = account.singleton(Board)
    board.watch(Breaker(account, board).look)
    account.delivery_filters.append(Events(account, board).deliver)
    account.add_middleware(Requests(account, board).middleware)
    install_control(account, board)
