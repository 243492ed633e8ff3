"""A path segment: one name between two slashes, safe to join to a folder of ours."""

import re
import unicodedata
from pathlib import PureWindowsPath

METADATA_FILE_NAME = ".asset_info.json"
"""Where the cache keeps what it knows about an asset, beside the asset."""

MAX_SEGMENT_BYTES = 200
"""The longest name in UTF-8. File systems take 255; the rest is left to the cache's own suffixes."""

# https://learn.microsoft.com/windows/win32/fileio/naming-a-file: reserved with any extension, in any case.
_WINDOWS_DEVICE = re.compile(
    r"(CON|PRN|AUX|NUL|(COM|LPT)[1-9¹²³]|CONIN\$|CONOUT\$) *([.:].*)?", re.IGNORECASE | re.DOTALL
)
# Control characters, lone surrogates and the two Unicode line breaks: no terminal shows them as they are.
_UNPRINTABLE_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def check_segment(value: str) -> str:
    """Accept a name that stays in the folder it is joined to, on every platform.

    Args:
        value: An asset's name, version or type.

    Returns:
        The value as it came; nothing is mended.

    Raises:
        ValueError: It could leave the folder, or is no file name everywhere. The text says why and what to
            write, and does not repeat the value.
    """
    if ":" in value:
        raise ValueError("holds a colon, which names a drive on Windows; write '-' or '.' in its place")
    return _check_any_segment(value)


def check_file_name(value: str) -> str:
    """Accept the name of a file below an asset's version folder.

    A colon is allowed, because the last segment of a URL may well hold one; a Windows drive is not.

    Args:
        value: A file name without folders.

    Returns:
        The value as it came.

    Raises:
        ValueError: As for `check_segment`, or it is the name of the cache's own metadata.
    """
    if PureWindowsPath(value).drive:
        raise ValueError("starts with a drive or a network share; write a plain file name")
    if value.casefold() == METADATA_FILE_NAME:
        raise ValueError(
            f"is {METADATA_FILE_NAME}, which the cache needs for itself; write another file name"
        )
    return _check_any_segment(value)


def check_relative_path(value: str) -> str:
    """Accept a relative path with forward slashes, each segment of which is a good file name.

    Args:
        value: A path such as `onnx/model.onnx`.

    Returns:
        The value as it came.

    Raises:
        ValueError: One of its segments is refused by `check_file_name`, or it is absolute.
    """
    if value.startswith("/"):
        raise ValueError("is an absolute path; write it relative, without the first slash")
    for segment in value.split("/"):
        check_file_name(segment)
    return value


def _check_any_segment(value: str) -> str:
    if not value:
        raise ValueError("is empty; write a name")
    if value in {".", ".."}:
        raise ValueError(f"is '{value}', which leads out of its folder; write a name")
    if "/" in value or "\\" in value:
        raise ValueError("holds a slash or backslash, which separates folders; write a plain name without it")
    for character in value:
        if unicodedata.category(character) in _UNPRINTABLE_CATEGORIES:
            raise ValueError(f"holds the unprintable character U+{ord(character):04X}; remove it")
    _check_portable(value)
    return value


def _check_portable(value: str) -> None:
    if value != value.strip():
        raise ValueError("starts or ends with a space; remove it")
    if value.endswith("."):
        raise ValueError("ends with a dot, which Windows drops; remove it")
    if _WINDOWS_DEVICE.fullmatch(value):
        raise ValueError(
            "is the name of a device on Windows (CON, NUL, COM1 and the like); write another name"
        )
    if len(value.encode()) > MAX_SEGMENT_BYTES:
        raise ValueError(f"is longer than {MAX_SEGMENT_BYTES} bytes; write a shorter name")
