"""What stands for each reference of a text."""

from collections.abc import Callable, Hashable
from typing import NoReturn, TypeVar

from openmas_assets.actors.render.json_text import fit_into_json
from openmas_assets.actors.render.place import JSON, RenderPlace, Slot
from openmas_assets.actors.render.registry import RendererRegistry
from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.python_type import python_type_text

_Result = TypeVar("_Result")


class ShownReferences:
    """Resolves each reference once, and renders what it leads to once for each kind of place.

    Args:
        resolve: Gives what a reference leads to, or raises an `AssetError`.
        registry: Who shows what.
    """

    def __init__(self, resolve: Callable[[AssetRef], object], registry: RendererRegistry) -> None:
        self._resolve = resolve
        self._registry = registry
        self._resolved: dict[Hashable, Callable[[], object]] = {}
        self._shown: dict[Hashable, Callable[[], str]] = {}

    def text_for(self, slot: Slot) -> str:
        """The text that goes into the slot.

        Args:
            slot: The reference, and its place.

        Returns:
            What to put there, escaped as the place demands.

        Raises:
            AssetError: The reference does not resolve, or what it leads to cannot be shown there.
        """
        ref = slot.embedding.ref
        # Not the reference itself: it equals one that spells its steps otherwise, which may lead elsewhere.
        spelling = (ref.asset_id, ref.field_path)
        if spelling not in self._resolved:
            self._resolved[spelling] = _outcome(lambda: self._resolve(ref))
        key = (spelling, slot.place)
        if key not in self._shown:
            resolved = self._resolved[spelling]
            self._shown[key] = _outcome(lambda: self._render(resolved(), slot.place))
        return self._shown[key]()

    def _render(self, value: object, place: RenderPlace) -> str:
        renderer = self._registry.find(place.content_type, value)
        if renderer is None:
            raise AssetError(
                f"nothing shows {python_type_text(value)} in {place.content_type}",
                fix="Register a renderer for it, or for object.",
            )
        try:
            rendered = renderer(value, place)
        except AssetError:
            raise
        # Renderers are anybody's, and so are the objects: even an exit concerns this one reference only.
        except BaseException as failure:
            kind = type(failure).__name__
            raise AssetError(f"the renderer of {python_type_text(value)} failed ({kind})") from failure
        if not isinstance(rendered, str):
            raise AssetError(f"the renderer of {python_type_text(value)} returned no text")
        return fit_into_json(rendered, place) if place.content_type == JSON else rendered


def _outcome(make: Callable[[], _Result]) -> Callable[[], _Result]:
    """Make something once: what is returned gives it, or raises the failure, each time it is called."""
    try:
        made = make()
    except AssetError as error:
        failure = error
    else:
        return lambda: made

    def fail() -> NoReturn:
        raise failure

    return fail
