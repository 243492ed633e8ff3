"""The renderers that everybody has."""

import sys
from collections.abc import Callable
from typing import Any

from openmas_assets.actors.render.image import render_array, render_encoded, render_picture
from openmas_assets.actors.render.json_value import json_of
from openmas_assets.actors.render.place import RenderPlace
from openmas_assets.actors.render.plain_data import plain_data
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.python_type import python_type_text

_Renderer = Callable[[Any, RenderPlace], str]


def render_data(value: object, place: RenderPlace) -> str:
    """Show text and numbers as text, everything else as JSON on one line.

    Text stands as it is, also in Markdown: what a model or a plugin has written may hold Markdown itself. So
    does what JSON would write as a string: a path, a UUID, a date. True, false and null are JSON's.

    Args:
        value: Anything.
        place: Where it goes.

    Returns:
        JSON where a JSON value is due, else as above.

    Raises:
        AssetError: JSON cannot hold it, or an image is due and it is no text that could lead to one.
    """
    data = plain_data(value)
    if not place.is_json_value:
        if isinstance(data, str):
            return str.__str__(data)
        if isinstance(data, float):  # `nan` is a number to people, but not to JSON
            return float.__repr__(data)
    if place.is_image_target and not isinstance(data, int):
        raise AssetError(
            f"{python_type_text(value)} is no image",
            fix="Refer to the part of it that is one; of a whole asset that is in asset://id/content.",
        )
    return json_of(data)


# The types before `object` have an entry, so that a renderer which somebody registers for `object` does not
# get them.
_OF_TYPES: dict[type, _Renderer] = {
    **dict.fromkeys((str, int, float, type(None), dict, list, tuple, object), render_data),
    **dict.fromkeys((bytes, bytearray, memoryview), render_encoded),
}


def built_in_renderer(object_type: type) -> _Renderer | None:
    """Find the built-in renderer of exactly this type.

    Args:
        object_type: One class among those of an object.

    Returns:
        None if the type has none of its own.
    """
    # An object of an optional library has brought the library along: whoever has not imported it, has none.
    numpy, pillow = sys.modules.get("numpy"), sys.modules.get("PIL.Image")
    if numpy is not None and object_type is numpy.ndarray:
        return render_array
    if pillow is not None and object_type is pillow.Image:
        return render_picture
    return _OF_TYPES.get(object_type)
