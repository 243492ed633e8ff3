"""Rendering with real parts but the store: what references lead to stands in a dict."""

from collections.abc import Mapping

from openmas_assets.actors.render.registry import RendererRegistry
from openmas_assets.actors.render.text import MAX_RENDERED_CHARACTERS, Rendered, render_text
from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.errors import AssetRefError


class Rendering:
    """Renders texts; counts how often each reference was resolved."""

    def __init__(self, values: Mapping[str, object], registry: RendererRegistry | None = None) -> None:
        self.values = values
        self.registry = registry or RendererRegistry()
        self.resolved: list[AssetRef] = []

    def resolve(self, ref: AssetRef) -> object:
        self.resolved.append(ref)
        name = "/".join([ref.asset_id, *map(str, ref.field_path)])
        if name not in self.values:
            raise AssetRefError(
                "there is no such asset", fix="Take one\nthat exists.", asset_name=ref.asset_id
            )
        return self.values[name]

    def render(
        self, text: str, content_type: str = "text/markdown", max_characters: int = MAX_RENDERED_CHARACTERS
    ) -> Rendered:
        return render_text(text, content_type, self.resolve, self.registry, max_characters=max_characters)


def rendered(text: str, content_type: str = "text/markdown", /, **values: object) -> Rendered:
    """Render one text, in which `<|asset://name|>` leads to the value of that name."""
    return Rendering(values).render(text, content_type)
