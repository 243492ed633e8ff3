"""What a file is that is no archive of the declared format."""

from pathlib import Path

from openmas_assets.messages.asset_config import UnpackFormat
from openmas_assets.messages.errors import AssetUnpackError

# Offset, the bytes there, what people call it, and the `unpack_format` that reads it.
_SIGNATURES: tuple[tuple[int, bytes, str, UnpackFormat | None], ...] = (
    (0, b"PK\x03\x04", "zip", "zip"),
    (0, b"PK\x05\x06", "zip", "zip"),
    (0, b"\x1f\x8b", "gzip", "tar.gz"),
    (0, b"BZh", "bzip2", "tar.bz2"),
    (257, b"ustar", "tar", "tar"),
    (0, b"\xfd7zXZ\x00", "xz", None),
    (0, b"\x28\xb5\x2f\xfd", "zstd", None),
    (0, b"7z\xbc\xaf\x27\x1c", "7-Zip", None),
    (0, b"Rar!", "rar", None),
)
_START_BYTES = 512
_SHOWN_BYTES = 8


def wrong_format(archive_path: Path, archive_format: UnpackFormat) -> AssetUnpackError:
    """Say what is wrong with a file that could not be read as `archive_format` at all.

    Args:
        archive_path: The file.
        archive_format: What it was declared to be.

    Returns:
        The error to raise. It names the format that the file starts like, and the setting that fits it.

    Raises:
        OSError: The file could not be read.
    """
    with archive_path.open("rb") as file:
        start = file.read(_START_BYTES)
    if not start:
        return AssetUnpackError(f"the file is empty, it is not a {archive_format} archive")
    for offset, signature, label, fitting_format in _SIGNATURES:
        if start[offset : offset + len(signature)] == signature:
            return _starts_like(label, fitting_format, archive_format)
    problem = f"the file is not a {archive_format} archive"
    if start.lstrip()[:1] == b"<":
        return AssetUnpackError(
            f"{problem}: it starts like a web page",
            fix="The server may have answered with a login or error page: open the URL in a browser.",
        )
    return AssetUnpackError(f"{problem}: it starts with the bytes {start[:_SHOWN_BYTES].hex(' ')}")


def _starts_like(
    label: str, fitting_format: UnpackFormat | None, archive_format: UnpackFormat
) -> AssetUnpackError:
    if fitting_format == archive_format:
        return AssetUnpackError(f"the {archive_format} archive is damaged or cut short")
    fix = (
        f"Set unpack_format: {fitting_format}."
        if fitting_format
        else "Pack it as zip, tar, tar.gz or tar.bz2."
    )
    return AssetUnpackError(f"the file is not a {archive_format} archive: it starts like {label}", fix=fix)
