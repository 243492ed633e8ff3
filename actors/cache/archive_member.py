"""What the readers of zip and tar hand to `unpack`: members of one kind of type, in the archive's order."""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from openmas_assets.messages.errors import AssetUnpackError

_SHOWN_NAME_CHARACTERS = 200
_KEPT_NAME_CHARACTERS = 4096


class MemberKind(Enum):
    """What a member becomes on disk. Whatever is none of these is refused by the reader."""

    FILE = "a file"
    FOLDER = "a folder"
    SYMLINK = "a symbolic link"
    HARDLINK = "a hard link"


class Member(NamedTuple):
    """One member of an archive.

    Attributes:
        name: Its name as the archive has it, not checked.
        kind: What it is.
        data: The bytes of a file, in pieces of at most 256 KiB that never change; to be read before the
            next member.
        link_target: Where a link points, as the archive has it, not checked; empty for the other kinds.
        is_executable: Whether the archive gives its owner the right to execute it.
        modified_at: Its time of change, in seconds since 1970, as the archive has it: may be negative, huge
            or no finite number. None where the archive has none.
    """

    name: str
    kind: MemberKind
    data: Iterable[bytes | memoryview] = ()
    link_target: str = ""
    is_executable: bool = False
    modified_at: float | None = None


def refused(name: str, problem: str, *, fix: str | None = None) -> AssetUnpackError:
    """Make the error for a member that refuses its archive.

    Args:
        name: The member's name, as hostile as it may be: it is escaped and shortened in the text.
        problem: What is wrong with the member, as a clause that follows its name.
        fix: What to do about it.

    Returns:
        The error to raise.
    """
    # A name that is no UTF-8 holds surrogates here, which no log and no terminal takes.
    kept = name[:_KEPT_NAME_CHARACTERS].encode("utf-8", "backslashreplace").decode("utf-8")
    shown = name if len(name) <= _SHOWN_NAME_CHARACTERS else f"{name[:_SHOWN_NAME_CHARACTERS]}…"
    return AssetUnpackError(f"the archive's member {shown!r} {problem}", member=kept, fix=fix)
