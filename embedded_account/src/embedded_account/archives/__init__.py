"""Archives that somebody else made: unpacked within bounds of time, memory and disk, or refused by a sentence."""


class ArchiveError(Exception):
    """An archive is damaged, leads outside of its folder, or holds more than it may; the message is the reason."""
