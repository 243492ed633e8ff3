"""Where in a text something is to be shown."""

from dataclasses import dataclass

from openmas_assets.messages.embedding import Embedding

PLAIN = "text/plain"
MARKDOWN = "text/markdown"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class RenderPlace:
    """What a renderer is told of the place that its text goes to.

    Attributes:
        content_type: What the whole text is, in lower case and without parameters.
        is_image_target: Whether it is the target of a Markdown image, `![alt](here)`, where a URL is due.
        is_json_value: Whether it is a value of a JSON document, outside of string literals: what is returned
            must be JSON by itself. Inside a string literal any text will do, it is escaped afterwards.
    """

    content_type: str
    is_image_target: bool = False
    is_json_value: bool = False


@dataclass(frozen=True, slots=True)
class Slot:
    """One embedded reference, and the place where it stands.

    Attributes:
        embedding: The reference, with its offsets in the whole text.
        place: Where it stands.
    """

    embedding: Embedding
    place: RenderPlace
