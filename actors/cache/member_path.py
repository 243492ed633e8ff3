"""The rules for a member's name and a link's target, as far as their text alone can tell."""

import os
import re
import unicodedata

from openmas_assets.actors.cache.archive_member import refused
from openmas_assets.actors.cache.layout import INFO_NAME

_MAX_PART_BYTES = 255  # NAME_MAX of every common file system
_MAX_PATH_BYTES = 4096  # PATH_MAX of Linux
# shutil.rmtree holds a frame and an open folder per level: deeper trees could not be removed again.
_MAX_DEPTH = 128
# Most names are like this, and no rule below can refuse them: at most 255 characters of ASCII in all, so at
# most 128 parts, none of which is empty or starts with a dot. (Windows has rules of its own.)
_PLAIN_NAME = re.compile(r"(?!.{256})[A-Za-z0-9_][\w.+-]*(/[A-Za-z0-9_][\w.+-]*)*", re.ASCII)
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DRIVE = re.compile(r"[A-Za-z]:")
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_WINDOWS_RESERVED = re.compile(r'(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(\..*)?|.*[<>:"|?*].*|.*[. ]')


def member_path(name: str) -> tuple[str, ...]:
    """Split a member's name into the path it has below the folder.

    Args:
        name: The name as the archive has it.

    Returns:
        The parts of the path, without `.` and empty ones; no parts at all for the root (`./`).

    Raises:
        AssetUnpackError: The name could lead out of the folder, could not be written everywhere, or is ours.
    """
    if os.name != "nt" and _PLAIN_NAME.fullmatch(name):
        return tuple(name.split("/"))
    _check_text(name, "its name", name)
    parts = tuple(part for part in name.split("/") if part not in {"", "."})
    if ".." in parts:
        raise refused(name, "has '..' in its name")
    if len(parts) > _MAX_DEPTH:
        raise refused(name, f"lies deeper than {_MAX_DEPTH} folders")
    if any(len(part.encode()) > _MAX_PART_BYTES for part in parts):
        raise refused(name, f"has a part longer than {_MAX_PART_BYTES} bytes in its name")
    if parts and folded(parts[0]) == INFO_NAME:
        raise refused(name, f"has the name of the cache's own {INFO_NAME}")
    if os.name == "nt" and any(_WINDOWS_RESERVED.fullmatch(part) for part in parts):
        raise refused(name, "has a name that Windows reserves")
    return parts


def check_link_target(name: str, target: str) -> None:
    """Refuse a symbolic link whose target can be no path inside the archive, whatever else is in it.

    Args:
        name: The name of the link.
        target: Where it points. `..` is fine here: where it leads, the tree of the archive tells.

    Raises:
        AssetUnpackError: The target is empty, absolute, too long, or not plain text.
    """
    _check_text(name, "its target", target)


def folded(part: str) -> str:
    """Make what two names have in common that a file system may take for the same one.

    Args:
        part: One part of a path.

    Returns:
        The name in canonical caseless form (Unicode 3.13, D145).
    """
    if part.isascii():
        return part.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", part).casefold())


def _check_text(name: str, what: str, text: str) -> None:
    if not text:
        raise refused(name, f"is hostile or damaged: {what} is empty")
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError:
        raise refused(name, f"is not readable: {what} is not UTF-8") from None
    if size_bytes > _MAX_PATH_BYTES:
        raise refused(name, f"is not writable: {what} is longer than {_MAX_PATH_BYTES} bytes")
    if _CONTROL_CHARACTER.search(text):
        raise refused(name, f"is hostile or damaged: {what} holds a control character")
    if "\\" in text:
        raise refused(name, f"is not portable: {what} holds a backslash, which separates folders on Windows")
    if text.startswith("/") or _DRIVE.match(re.sub(r"^(\./+)+", "", text)):
        raise refused(name, f"leads out of the folder: {what} is an absolute path")
