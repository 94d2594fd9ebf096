"""How much an archive may hold, counted while it is read: whatever an archive says of itself, reading it ends."""

from dataclasses import dataclass

from datasets.errors import ArchiveError, ArchiveSizeError
from datasets.limits import MAX_FILES, MAX_IMAGE_BYTES

CHUNK_BYTES = 128 * 1024  # the most that is unpacked ahead of what was asked for
_FREE_MEMBERS = 1000
_BYTES_A_MEMBER = 64  # the least that a picture and its header weigh, however they are packed


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold, whatever it says of itself."""

    members: int = MAX_FILES
    total_bytes: int = 64 * 1024**3
    ratio: int = 200  # unpacked against packed bytes, up to `total_bytes`; photographs hardly compress
    large_ratio: int = 0  # the same beyond `total_bytes`; 0 lets nothing be beyond
    floor_bytes: int = 10 * 1024 * 1024  # a small archive of equal files may well compress beyond `ratio`
    member_bytes: int = MAX_IMAGE_BYTES  # of one member in memory
    central_directory_bytes: int = 256 * 1024**2  # of a zip's directory


OF_DATASET = Limits(large_ratio=20)  # it grows with the archive, so that a dataset of any size may be one


class Budget:
    """Counts what an archive of `size` bytes unpacks to and refuses more than its limits."""

    def __init__(self, name: str, size: int, limits: Limits) -> None:
        self.name, self.size, self.limits = name, size, limits
        self._members = self._bytes = 0
        small = min(limits.total_bytes, size * limits.ratio + limits.floor_bytes)
        self._most = max(small, size * limits.large_ratio)
        self._most_members = min(limits.members, _FREE_MEMBERS + size // _BYTES_A_MEMBER)

    def add_member(self, count: int = 1) -> None:
        """Count a file, a folder or a header of its own, or what takes as long as several."""
        self._members += count
        if self._members > self._most_members:
            raise ArchiveError(
                f"archive {self.name!r} has more than {self._most_members} members; upload it as a folder"
            )

    def add_bytes(self, count: int) -> None:
        """Count bytes that were unpacked, or that a member states before it is."""
        self._bytes += count
        self.check_room(0)

    def check_room(self, count: int) -> None:
        """Refuse `count` more bytes where they are over the limit; nothing is counted."""
        if self._bytes + count > self._most:
            raise ArchiveSizeError(
                f"archive {self.name!r} of {self.size} bytes unpacks to more than {self._most} bytes; upload it as a "
                "folder if that is right",
                self._most,
            )
