"""Which renderer shows which object in which text."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from openmas_assets.actors.render.builtin import built_in_renderer
from openmas_assets.actors.render.place import JSON, MARKDOWN, PLAIN, RenderPlace
from openmas_assets.messages.errors import AssetConfigurationError

Renderer = Callable[[Any, RenderPlace], str]

_BUILT_IN_CONTENT_TYPES = frozenset({PLAIN, MARKDOWN, JSON})
_SHOWN_LENGTH = 100


class RendererRegistry:
    """The renderers of all content types: the built-in ones, and those that were registered.

    The renderer of the most specific type wins, in the order of the object's classes (`__mro__`); for one and
    the same type a registered renderer goes before the built-in one. So a renderer for `object` shows what
    no built-in renderer is made for. The built-in ones serve text/plain, text/markdown and application/json.

    Any thread may register and look up at any time; what is registered while a text is being rendered may
    or may not serve that text already.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Replaced as a whole, never changed, so that the threads which render need no lock.
        self._registered: Mapping[tuple[str, type], Renderer] = {}

    def register(self, content_type: str, object_type: type, renderer: Renderer) -> None:
        """Have a renderer show the objects of a type in the texts of a content type.

        Args:
            content_type: Such as `text/html`; letter case and parameters do not matter. One that was not
                known before is known from now on, with no other renderers than the registered ones.
            object_type: The class; its subclasses too, unless they have a renderer of their own.
            renderer: Called as `renderer(value, place)`, in the thread that renders, in several at once. It
                returns the text; what it cannot show it refuses by an `AssetError`, which becomes the problem
                that is reported. One that was registered before for the same two is replaced.

        Raises:
            AssetConfigurationError: The content type is none.
        """
        key = (_media_type(content_type), object_type)
        with self._lock:
            self._registered = {**self._registered, key: renderer}

    def content_types(self) -> tuple[str, ...]:
        """The content types that can be rendered, sorted."""
        return tuple(sorted(_BUILT_IN_CONTENT_TYPES | {each for each, _ in self._registered}))

    def known(self, content_type: str) -> str:
        """Find a content type among those that can be rendered.

        Args:
            content_type: As a message has it, such as `Text/Markdown; charset=utf-8`.

        Returns:
            Its name: in lower case, without parameters.

        Raises:
            AssetConfigurationError: It is none, or cannot be rendered. Lists those that can.
        """
        media_type = _media_type(content_type)
        if media_type not in self.content_types():
            raise AssetConfigurationError(
                f"text of content type {media_type[:_SHOWN_LENGTH]!r} cannot be rendered",
                fix=f"Known are {', '.join(self.content_types())}; registering a renderer adds one.",
            )
        return media_type

    def find(self, content_type: str, value: object) -> Renderer | None:
        """Find the renderer of an object.

        Args:
            content_type: In lower case and without parameters, as `known` gives it.
            value: What is to be shown.

        Returns:
            The renderer; None if nobody has registered one, and the content type has no built-in ones.
        """
        registered, has_built_in = self._registered, content_type in _BUILT_IN_CONTENT_TYPES
        for each in type(value).__mro__:
            renderer = registered.get((content_type, each))
            if renderer is None and has_built_in:
                renderer = built_in_renderer(each)
            if renderer is not None:
                return renderer
        return None


def _media_type(content_type: str) -> str:
    """What stands before the parameters (RFC 9110, 8.3.1), in lower case."""
    media_type = content_type.partition(";")[0].strip().lower()
    main, slash, sub = media_type.partition("/")
    if not (main and slash and sub) or any(character.isspace() for character in media_type):
        raise AssetConfigurationError(
            f"{content_type[:_SHOWN_LENGTH]!r} is no content type", fix="Write one such as text/markdown."
        )
    return media_type
