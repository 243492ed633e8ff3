"""How much an archive may become, and the count of how much it became so far."""

from dataclasses import dataclass

from openmas_assets.messages.errors import AssetUnpackError

_RATIO_APPLIES_AFTER_BYTES = 256 * 2**20


@dataclass(frozen=True)
class UnpackLimits:
    """The bounds of what an archive may unpack to; no real model archive meets the defaults.

    Attributes:
        max_members: Members, and folders that are only implied by the names of members.
        max_bytes: Bytes of all files together.
        max_ratio: Bytes that come out, a tar's own headers and padding among them, by bytes of the archive;
            applied after the first 256 MiB.
    """

    max_members: int = 1_000_000
    max_bytes: int = 2**40
    max_ratio: float = 200.0


class UnpackBudget:
    """What is left of the limits while one archive is read. It believes in bytes seen, never in headers.

    Args:
        limits: The bounds.
        archive_bytes: The size of the archive's file.

    Attributes:
        limits: The bounds.
        member: The last member that was reached, None before the first.
    """

    def __init__(self, limits: UnpackLimits, archive_bytes: int) -> None:
        self.limits = limits
        self.member: str | None = None
        self._archive_bytes = archive_bytes
        self._members = 0
        self._file_bytes = 0
        self._overhead_bytes = 0

    def count_member(self, name: str | None = None) -> None:
        """Count one member, or one folder that is only implied.

        Args:
            name: The member, which later errors name as the place reached; None for an implied folder.

        Raises:
            AssetUnpackError: That was one too many.
        """
        self.member = self.member if name is None else name
        self._members += 1
        if self._members > self.limits.max_members:
            raise self.too_many_members()

    def count_bytes(self, size_bytes: int) -> None:
        """Count bytes of a file that came out of the archive.

        Args:
            size_bytes: How many more there are now.

        Raises:
            AssetUnpackError: Those were too many, all in all or for an archive of that size.
        """
        self._file_bytes += size_bytes
        if self._file_bytes > self.limits.max_bytes:
            raise self._exceeded(
                f"unpacks to more than {self.limits.max_bytes:,} bytes", "max_unpacked_bytes"
            )
        self.count_overhead(0)

    def count_overhead(self, size_bytes: int) -> None:
        """Count bytes that came out of the archive and go into no file.

        Args:
            size_bytes: How many more there are now.

        Raises:
            AssetUnpackError: Those were too many for an archive of that size.
        """
        self._overhead_bytes += size_bytes
        total_bytes = self._file_bytes + self._overhead_bytes
        if total_bytes > max(_RATIO_APPLIES_AFTER_BYTES, self._archive_bytes * self.limits.max_ratio):
            raise self._exceeded(
                f"unpacks to more than {self.limits.max_ratio:g} times its size", "max_unpack_ratio"
            )

    def too_many_members(self) -> AssetUnpackError:
        """Make the error for an archive of more members than are allowed."""
        return self._exceeded(f"holds more than {self.limits.max_members:,} members", "max_unpacked_members")

    def _exceeded(self, problem: str, setting: str) -> AssetUnpackError:
        return AssetUnpackError(
            f"the archive {problem}; it may be a bomb",
            member=self.member,
            fix=f"If you trust where it comes from, raise settings.assets.{setting}.",
        )
