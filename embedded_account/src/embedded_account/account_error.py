"""The one exception of the account's public face; in a module of its own, since much that is light raises it."""


class AccountError(Exception):
    """The embedded account could not be started, reached or stopped; the message says what to do."""
