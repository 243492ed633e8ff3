"""Images become `data:` URLs with the very pixels that were given."""

import io
import re
import subprocess
import sys
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from openmas_assets.actors.render.image import image_media_type
from openmas_assets.messages.asset import Asset
from rendering import rendered

NOISE = np.random.default_rng(4)


def noise(*shape: int) -> np.ndarray:
    return NOISE.integers(0, 256, shape, dtype=np.uint8)


def data_url(value: object) -> tuple[str, bytes]:
    """The content type and the bytes of the image that a Markdown text shows."""
    result = rendered("![a](<|asset://x|>)", x=value)
    assert result.problems == ()
    match = re.fullmatch(r"!\[a\]\(data:([a-z]+/[a-z]+);base64,([A-Za-z0-9+/]+=*)\)", result.text)
    assert match
    return match[1], b64decode(match[2], validate=True)


def opened(value: object) -> Image.Image:
    media_type, encoded = data_url(value)
    assert media_type == "image/png"
    image = Image.open(io.BytesIO(encoded), formats=["PNG"])
    image.load()
    return image


def problem_of(value: object) -> str:
    result = rendered("![a](<|asset://x|>)", x=value)
    assert result.text == "![a](<|asset://x|>)"
    (problem,) = result.problems
    return problem


@pytest.mark.parametrize(
    ("array", "mode"),
    [
        (noise(5, 7), "L"),
        (noise(5, 7, 3), "RGB"),
        (noise(5, 7, 4), "RGBA"),
        (noise(1, 1), "L"),
        (noise(3, 4, 3)[::-1, ::2], "RGB"),
        (noise(7, 5).T, "L"),
        (np.asfortranarray(noise(6, 5, 4)), "RGBA"),
        (noise(3, 4, 5).transpose(1, 2, 0), "RGB"),
        (np.broadcast_to(noise(1, 1, 3), (4, 6, 3)), "RGB"),
        (noise(300, 200, 3), "RGB"),
    ],
)
def test_an_array_keeps_its_pixels(array: np.ndarray, mode: str) -> None:
    image = opened(array)
    assert image.mode == mode
    assert np.array_equal(np.asarray(image), array)


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (np.zeros((0, 5), np.uint8), "no pixels"),
        (np.zeros((5, 0, 3), np.uint8), "no pixels"),
        (np.zeros((5, 5), np.float64), "(array * 255).astype('uint8')"),
        (np.zeros((5, 5, 3), np.bool_), "array of bool is no image"),
        (np.zeros((5, 5), np.uint16), "array of uint16 is no image"),
        (np.zeros(5, np.uint8), "array.tolist()"),
        (np.zeros((5, 5, 2), np.uint8), "shape 5 x 5 x 2"),
        (np.zeros((2, 5, 5, 3), np.uint8), "shape 2 x 5 x 5 x 3"),
        (np.zeros((), np.uint8), "shape ()"),
        (np.array([[None]]), "array of object"),
    ],
)
def test_an_array_that_is_no_image_is_told_what_to_do(array: np.ndarray, why: str) -> None:
    assert why in problem_of(array)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "I;16"])
def test_a_pillow_image_keeps_its_pixels(mode: str) -> None:
    image = Image.frombytes(
        mode, (16, 4), noise(16 * 4 * 4).tobytes()[: len(Image.new(mode, (16, 4)).tobytes())]
    )
    again = opened(image)
    assert again.mode == mode
    assert again.tobytes() == image.tobytes()


def test_a_pillow_image_with_a_palette_keeps_colours_and_transparency() -> None:
    image = Image.fromarray(noise(8, 8, 3)).convert("P", palette=Image.Palette.ADAPTIVE)
    image.info["transparency"] = 3
    assert opened(image).convert("RGBA").tobytes() == image.convert("RGBA").tobytes()


@pytest.mark.parametrize("mode", ["CMYK", "F", "I", "YCbCr", "LAB", "HSV", "PA", "RGBa", "La", "RGBX"])
def test_a_mode_that_png_cannot_hold_is_not_converted_behind_ones_back(mode: str) -> None:
    assert f"mode {mode} without loss" in problem_of(Image.new(mode, (2, 2)))


def test_a_pillow_image_without_pixels_is_told() -> None:
    assert "0 x 3 pixels" in problem_of(Image.new("RGB", (0, 3)))


def test_a_pillow_image_that_was_opened_from_a_file_is_shown_without_changing_it() -> None:
    file = io.BytesIO()
    Image.fromarray(noise(8, 8, 3)).save(file, "JPEG")
    image = Image.open(file)
    again = opened(image)
    assert again.tobytes() == Image.open(file).tobytes()
    assert image.format == "JPEG"


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp", "bmp"])
@pytest.mark.parametrize("container", [bytes, bytearray, memoryview])
def test_encoded_images_keep_their_format_and_bytes(kind: str, container: type) -> None:
    file = io.BytesIO()
    Image.fromarray(noise(4, 4, 3)).save(file, kind)
    assert data_url(container(file.getvalue())) == (f"image/{kind}", file.getvalue())


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"BM",
        b"BMW is no picture, but this is longer",
        b"<svg></svg>",
        b"RIFF1234WAVE",
        b"\x89PNG",
        b"\xff\xd8",
        b"GIF90a",
    ],
)
def test_bytes_that_are_no_known_image_are_told(encoded: bytes) -> None:
    assert image_media_type(encoded) is None
    assert "PNG, JPEG, GIF, WebP and BMP" in problem_of(encoded)


@pytest.mark.parametrize("content_type", ["text/plain", "text/markdown", "application/json"])
@pytest.mark.parametrize(
    "value", [noise(2, 2), Image.new("L", (1, 1)), b"GIF89a"], ids=["array", "pillow", "bytes"]
)
def test_an_image_elsewhere_stays_in_place_and_is_told_how_to_write(value: object, content_type: str) -> None:
    for text in (
        "<|asset://x|>",
        '"![a](<|asset://x|>)"' if content_type != "text/markdown" else "<|asset://x|>",
    ):
        result = rendered(text, content_type, x=value)
        assert result.text == text
        assert "![what it shows](<|the reference|>)" in result.problems[0]


def test_a_whole_asset_in_place_of_its_image_is_told_to_refer_to_the_content() -> None:
    for value in (Asset(content=noise(2, 2)), {"content": 1}, [1]):
        assert "is no image. Refer to the part" in problem_of(value)


def test_neither_numpy_nor_pillow_is_imported_without_such_an_object() -> None:
    program = """
import sys
from openmas_assets.actors.render.registry import RendererRegistry
from openmas_assets.actors.render.text import render_text
for content_type in ("text/plain", "text/markdown", "application/json"):
    for value in ("text", 1, {"a": [object()]}, b"GIF89a"):
        render_text("![a](<|asset://x|>) <|asset://x|>", content_type, lambda ref: value, RendererRegistry())
print([name for name in sys.modules if name.partition(".")[0] in {"numpy", "PIL"}])
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_an_array_without_pillow_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.delitem(sys.modules, "PIL.Image")
    assert "openmas-assets[images]" in problem_of(noise(2, 2))
