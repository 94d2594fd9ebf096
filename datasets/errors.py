"""Why data is refused, in one sentence each; every caller hands the sentence on under a name of its own.

DatasetError       the data cannot be trained on
    ArchiveError   an archive cannot be used
"""


class DatasetError(Exception):
    """The data cannot be trained on as it is. No ValueError: those are reworded while an archive is read."""


class ArchiveError(DatasetError):
    """The archive cannot be used; the message names it and, where there is one, the member."""
