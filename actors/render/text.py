"""Text with references in it, made text that can be read without them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from openmas_assets.actors.render.json_text import json_slots
from openmas_assets.actors.render.markdown_text import markdown_slots
from openmas_assets.actors.render.place import JSON, MARKDOWN, RenderPlace, Slot
from openmas_assets.actors.render.problems import RenderProblems
from openmas_assets.actors.render.registry import RendererRegistry
from openmas_assets.actors.render.shown import ShownReferences
from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.embedding import find_embeddings
from openmas_assets.messages.errors import AssetError

MAX_RENDERED_CHARACTERS = 2**28
"""How long a rendered text may become: what is referred to a thousand times stands there a thousand times."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered text.

    Attributes:
        text: The text; what could not be shown stands in it as it stood before.
        problems: One line each for what could not be shown: on which line (the first is 1), which
            reference, why and what to do. After a hundred of them one line says how many more there are.
    """

    text: str
    problems: tuple[str, ...] = ()


def render_text(
    text: str,
    content_type: str,
    resolve: Callable[[AssetRef], object],
    registry: RendererRegistry,
    *,
    max_characters: int = MAX_RENDERED_CHARACTERS,
) -> Rendered:
    """Replace the references that are embedded in a text by what they lead to.

    Only the embeddings are replaced. What a reference brings is not searched for references again, and in
    text/plain and text/markdown it stands as it is: nothing is escaped. Markdown code is left alone. May run
    code of the objects' classes and may take long: for a thread that may block.

    Args:
        text: The text.
        content_type: What it is; letter case and parameters do not matter.
        resolve: Gives what a reference leads to, or raises an `AssetError`; asked once for each reference.
        registry: Who shows what.
        max_characters: How long the text may become. An embedding that would go beyond stays.

    Returns:
        The rendered text, and what could not be shown.

    Raises:
        AssetConfigurationError: The content type is none that can be rendered. Lists those that can.
    """
    known = registry.known(content_type)
    shown, problems = ShownReferences(resolve, registry), RenderProblems(text)
    pieces: list[str] = []
    position, characters_left = 0, max_characters - len(text)
    for slot in _slots(text, known):
        start, end = slot.embedding.start, slot.embedding.end
        try:
            replacement = shown.text_for(slot)
            characters_left -= _growth(replacement, end - start, characters_left)
        except AssetError as failure:
            problems.add(slot.embedding, failure)
        else:
            pieces += [text[position:start], replacement]
            position = end
    return Rendered("".join([*pieces, text[position:]]), problems.lines())


def _slots(text: str, content_type: str) -> Iterator[Slot]:
    if content_type == MARKDOWN:
        return markdown_slots(text)
    if content_type == JSON:
        return json_slots(text)
    return (Slot(each, RenderPlace(content_type)) for each in find_embeddings(text))


def _growth(replacement: str, replaced_length: int, characters_left: int) -> int:
    growth = len(replacement) - replaced_length
    if growth > max(characters_left, 0):
        raise AssetError("the text would become too long with it", fix="Refer to fewer or smaller things.")
    return growth
