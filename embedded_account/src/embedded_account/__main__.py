"""`python -m embedded_account`: the same as `embedded-account`."""

from embedded_account.commands import commands

if __name__ == "__main__":
    commands(prog_name="embedded-account")
