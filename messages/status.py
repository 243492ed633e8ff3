"""What is known of an asset without hashing it."""

from pathlib import Path
from typing import Literal, NamedTuple

from openmas_assets.messages.base import Message

AssetState = Literal["cached", "not_cached", "partial", "stale", "corrupt"]
"""Where an asset stands.

* `cached`: complete; sizes and times are those of the moment its bytes were verified
* `not_cached`: nothing is there
* `partial`: nothing is there, but a transfer that ended early can be resumed
* `stale`: complete, but the configuration or a local source has changed since
* `corrupt`: a file is missing, was changed, or failed `verify`
"""


class AssetStatus(Message):
    """One asset as `status` and `list` show it.

    Attributes:
        name: Its name in the project file.
        version: Its version.
        asset_type: Its type.
        source: Where it comes from, without userinfo and query.
        checksum: The declared checksum, `sha256:` and 64 hex digits; None where none is declared.
        status: See `AssetState`.
        size_bytes: Size of what stands at the path; of what has arrived where it is partial; None if unknown.
        path: What an agent would be handed; None unless it is cached.
        commit: Of a copy from the Hugging Face Hub: the commit that the branch or tag meant; None for others.
    """

    name: str
    version: str
    asset_type: str
    source: str
    checksum: str | None
    status: AssetState
    size_bytes: int | None
    path: Path | None
    commit: str | None = None


class Witness(NamedTuple):
    """What the file system said of one file or folder when its bytes were verified.

    As long as each witness of an asset still says the same, its bytes need not be read again.

    Attributes:
        path: The absolute path of the file, link or folder.
        size_bytes: Its size; -1 for a folder, whose size means nothing.
        mtime_ns: Its modification time, in nanoseconds since the epoch.
        ctime_ns: The time of its last change of any kind (on Windows: of its creation); -1 for a folder.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
