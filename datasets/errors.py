"""Why data is refused, in one sentence each; every caller hands the sentence on under a name of its own.

DatasetError                 the data cannot be trained on
    ArchiveError             an archive cannot be used
        ArchiveSizeError     it holds more than is read
"""


class DatasetError(Exception):
    """The data cannot be trained on as it is."""


class ArchiveError(DatasetError):
    """The archive cannot be used; the message names it and, where there is one, the member.

    `reason` is the same without the archive's name and the remedy, for callers that have their own.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class ArchiveSizeError(ArchiveError):
    """The archive unpacks to more than `most` bytes."""

    def __init__(self, message: str, most: int) -> None:
        super().__init__(message, f"it unpacks to more than {most} bytes")
        self.most = most
