"""Two agents and an image plugin pass a picture on by reference; a Markdown page with it comes out.

Run it with `python examples/picture_report.py [page.md]`. It needs no network, but numpy and Pillow, which
the extra `images` installs. What the agents say to each other is what a chat history could hold: references,
no pixels.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openmas_assets.actors import AssetStore, PluginDispatcher
from openmas_assets.messages import AssetRef

Pixels = npt.NDArray[np.uint8]

DARKROOM = {
    "info": {"title": "darkroom", "description": "Develops pictures."},
    "commands": [
        {
            "command_name": "negative",
            "description": "Turn light into dark, within a frame.",
            "parameter": {
                "type": {
                    "image": {
                        "type": "numpy.ndarray",
                        "description": "The picture, height x width x 3, uint8.",
                        "asset_ref_acceptable": True,
                    },
                    "frame_pixels": {"type": "int", "description": "Width of the frame.", "required": False},
                }
            },
        }
    ],
}


def negative(param: dict[str, Any]) -> Pixels:
    """The plugin's command: it gets the picture itself, whatever reference the call held."""
    image: Pixels = 255 - param["image"]
    width = param.get("frame_pixels") or 0
    return np.pad(image, ((width, width), (width, width), (0, 0)))


class Painter:
    """An agent that makes a picture and says where it is."""

    def __init__(self, store: AssetStore) -> None:
        self._store = store

    async def paint(self) -> dict[str, Any]:
        """Paint a sunset; the answer is a message with a reference."""
        height, width = 160, 240
        rows, columns = np.mgrid[0:height, 0:width]
        sky = np.stack([rows * 0 + 250, 190 - rows, 80 + rows // 2], axis=-1).clip(0, 255)
        sky[(rows - 100) ** 2 + (columns - 150) ** 2 < 30**2] = (255, 240, 200)
        sky[rows > 110 + 6 * np.sin(columns / 9)] = (20, 40, 90)
        ref = self._store.put(
            {"image": sky.astype(np.uint8), "title": "Sunset", "labels": ["sea", "sun"]},
            asset_type="picture",
            description="A painted sunset.",
        )
        return {"sender": {"role": "painter"}, "content_type": "asset_ref", "content": ref.to_dict()}


class Editor:
    """An agent that has the picture developed, and writes a page about it."""

    def __init__(self, store: AssetStore, plugins: PluginDispatcher) -> None:
        self._store = store
        self._plugins = plugins

    async def write(self, message: dict[str, Any]) -> str:
        """Write the page for what a painter's message refers to."""
        picture = AssetRef.parse(message["content"])
        call = {
            "receiver": {"role": "plugin", "name": "darkroom"},
            "content_type": "command",
            "content": {
                "command": "negative",
                "param": {"image": picture.child("content", "image").url, "frame_pixels": 12},
            },
        }
        answer = await self._plugins.acall(call)
        print("the darkroom answers:", json.dumps(answer))
        negative = AssetRef.parse(answer["content"]).child("content", "response")
        page = (
            f"# {picture.child('content', 'title').embedding}\n\n"
            f"![the picture]({picture.child('content', 'image').embedding})\n"
            f"![its negative]({negative.embedding})\n\n"
            f"Labels: `{picture.child('content', 'labels').url}` is "
            f"{picture.child('content', 'labels').embedding}.\n"
        )
        print("the editor writes:", page, sep="\n")
        return self._store.render(page, "text/markdown")


async def make_page() -> str:
    """Have the page made."""
    async with AssetStore() as store, PluginDispatcher(store) as plugins:
        plugins.register(DARKROOM, {"negative": negative})
        message = await Painter(store).paint()
        print("the painter says:", json.dumps(message))
        page = await Editor(store, plugins).write(message)
        print("what a model is told of the assets:")
        for meta in store.metas(flattened=True):
            print(json.dumps(meta, indent=2))
        return page


if __name__ == "__main__":
    page = asyncio.run(make_page())
    print(f"{page.count('](data:image/png;base64,')} pictures, {len(page):,} characters")
    if sys.argv[1:]:
        Path(sys.argv[1]).write_text(page, encoding="utf-8")
