"""Images as `data:` URLs (RFC 2397), with the very pixels that were given."""

import io
import os
import threading
from base64 import b64encode
from typing import TYPE_CHECKING

from openmas_assets.actors.render.place import MARKDOWN, RenderPlace
from openmas_assets.messages.errors import AssetError

if TYPE_CHECKING:
    import numpy as np
    import PIL.Image

# What PNG holds without loss (PNG specification, 11.2.1) and Pillow writes so.
_PNG_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B"})
_CHANNELS = frozenset({3, 4})
# The sizes of the headers that follow the file header of a BMP; `BM` alone begins many a text.
_BMP_HEADER_SIZES = frozenset({12, 40, 52, 56, 64, 108, 124})
_BMP_HEADER_END = 18
# A picture that Pillow has opened is read when it is first used, and two threads must not do that at once.
_LOADING = threading.Lock()


def _replace_lock() -> None:
    global _LOADING  # noqa: PLW0603 - a thread that the forked child does not have may have held it
    _LOADING = threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork either
    os.register_at_fork(after_in_child=_replace_lock)


def render_encoded(value: bytes | bytearray | memoryview, place: RenderPlace) -> str:
    """Show an encoded image: its own bytes in its own format.

    Args:
        value: PNG, JPEG, GIF, WebP or BMP, told by its first bytes.
        place: Where it goes.

    Returns:
        A `data:` URL.

    Raises:
        AssetError: It is something else, or this is no place for an image.
    """
    encoded = bytes(value)
    media_type = image_media_type(encoded)
    if media_type is None:
        raise AssetError(
            f"these {len(encoded):,} bytes are no image that can be shown, and no text",
            fix="PNG, JPEG, GIF, WebP and BMP can be shown; decode bytes of text before they are stored.",
        )
    _require_image_target(place)
    return _data_url(media_type, encoded)


def render_array(value: "np.ndarray", place: RenderPlace) -> str:
    """Show a numpy array as a PNG.

    Args:
        value: uint8, of shape height x width (grey), height x width x 3 (RGB) or x 4 (RGBA).
        place: Where it goes.

    Returns:
        A `data:` URL.

    Raises:
        AssetError: It is no such array, this is no place for an image, or Pillow is not installed.
    """
    _require_image_array(value)
    _require_image_target(place)
    try:
        # Pillow is an optional extra, and slow to import.
        from PIL import Image
    except ImportError as failure:
        raise AssetError(
            "showing an array needs Pillow", fix="Run pip install 'openmas-assets[images]'."
        ) from failure
    return _png_url(Image.fromarray(value))


def render_picture(value: "PIL.Image.Image", place: RenderPlace) -> str:
    """Show a Pillow image as a PNG.

    Args:
        value: Of a mode that PNG holds without loss: 1, L, LA, P, RGB, RGBA or 16 bits of grey.
        place: Where it goes.

    Returns:
        A `data:` URL.

    Raises:
        AssetError: It has another mode or no pixels, or this is no place for an image.
    """
    if value.mode not in _PNG_MODES:
        raise AssetError(
            f"a PNG cannot hold a Pillow image of mode {value.mode} without loss",
            fix="Convert it before it is stored, such as by image.convert('RGB').",
        )
    if 0 in value.size:
        raise AssetError(f"an image of {value.width} x {value.height} pixels has nothing to show")
    _require_image_target(place)
    with _LOADING:
        picture = value.copy()
    return _png_url(picture)


def image_media_type(encoded: bytes) -> str | None:
    """Tell the format of an encoded image by its first bytes.

    Args:
        encoded: A whole file, or at least its first 18 bytes.

    Returns:
        Such as `image/png`; None if it is none of PNG, JPEG, GIF, WebP and BMP.
    """
    if encoded.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if encoded.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if encoded.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if encoded.startswith(b"RIFF") and encoded[8:12] == b"WEBP":
        return "image/webp"
    return "image/bmp" if _is_bmp(encoded) else None


def _is_bmp(encoded: bytes) -> bool:
    header_size = int.from_bytes(encoded[14:_BMP_HEADER_END], "little")
    is_long_enough = len(encoded) >= _BMP_HEADER_END
    return encoded.startswith(b"BM") and is_long_enough and header_size in _BMP_HEADER_SIZES


def _require_image_array(array: "np.ndarray") -> None:
    shape = " x ".join(str(length) for length in array.shape) or "()"
    is_image_shape = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in _CHANNELS)  # noqa: PLR2004 - axes
    if not is_image_shape:
        raise AssetError(
            f"a numpy array of shape {shape} is no image: height x width, x 3, or x 4 would be",
            fix="To show the numbers of an array, store array.tolist().",
        )
    if array.dtype.name != "uint8":
        raise AssetError(
            f"a numpy array of {array.dtype.name} is no image: that is uint8, from 0 to 255",
            fix="Convert it before it is stored, such as by (array * 255).astype('uint8') for values "
            "from 0 to 1; to show its numbers, store array.tolist().",
        )
    if array.size == 0:
        raise AssetError(f"an array of shape {shape} has no pixels to show")


def _require_image_target(place: RenderPlace) -> None:
    if place.is_image_target:
        return
    if place.content_type == MARKDOWN:
        raise AssetError(
            "an image cannot stand in the running text", fix="Write ![what it shows](<|the reference|>)."
        )
    raise AssetError(
        f"an image cannot be shown in {place.content_type}",
        fix=f"It can in {MARKDOWN}, as ![what it shows](<|the reference|>).",
    )


def _png_url(picture: "PIL.Image.Image") -> str:
    png = io.BytesIO()
    picture.save(png, "PNG")
    return _data_url("image/png", png.getvalue())


def _data_url(media_type: str, encoded: bytes) -> str:
    return f"data:{media_type};base64,{b64encode(encoded).decode('ascii')}"
