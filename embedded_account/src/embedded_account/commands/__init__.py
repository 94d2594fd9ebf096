"""The command line `embedded-account`; another program may show the same commands as a group of its own.

Whoever does that sets the context's `obj` to the folder of its account; `command_path` in the messages is then its own.
"""

from embedded_account.commands.account import commands
from embedded_account.commands.faults import fault
from embedded_account.commands.inspection import permissions, services

for _command in (fault, permissions, services):
    commands.add_command(_command)

__all__ = ["commands"]
