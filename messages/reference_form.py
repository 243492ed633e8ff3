"""The forms of a reference: which values are one, and the id and steps they name.

Nothing here runs code of what it looks at: whether something is a reference is asked of live objects too.
"""

import json
from itertools import islice
from typing import Any, cast

from openmas_assets.messages.errors import AssetRefError
from openmas_assets.messages.python_type import python_type_text
from openmas_assets.messages.reference_url import SCHEME, has_scheme, parse_url, url_length

MAX_STEPS = 256
"""How many steps a reference may have."""

MAX_REFERENCE_LENGTH = 65_536
"""How many characters a reference may have as text: its URL, or its JSON; `<|` and `|>` come on top."""

EXPECTED_FORMS = (
    'Write asset://<id>/<key>/<key> or {"asset_id": "<id>", "field_path": ["<key>", "<key>"]}; '
    "in a text, either of them between <| and |>, without a space."
)

_FIELDS = {"asset_id", "field_path"}

Parts = tuple[str, tuple[str | int, ...]]
"""An asset's id, and the steps from its root."""


def read_form(form: object) -> Parts:
    """Read a dict, a URL, or an embedding of either.

    Args:
        form: Anything.

    Returns:
        The asset's id, and the steps.

    Raises:
        AssetRefError: It is no reference. Says why and which forms there are; does not repeat it.
    """
    try:
        if issubclass(type(form), str):
            return check_parts(*_read_text(str.__str__(form)))
        return check_parts(*_read_dict(form))
    except AssetRefError as error:
        fix = error.fix or EXPECTED_FORMS
        raise AssetRefError(f"this is no reference: {error.problem}", step=error.step, fix=fix) from None


def check_parts(asset_id: object, field_path: object) -> Parts:
    """Check what a reference is made of.

    Args:
        asset_id: Should be a text that is not empty.
        field_path: Should be a list or tuple of at most 256 texts and integers, or None for no steps.

    Returns:
        Both, of Python's own types.

    Raises:
        AssetRefError: One of them is something else, or the URL would be longer than 65,536 characters.
    """
    if not issubclass(type(asset_id), str):
        raise AssetRefError(f"the asset_id is a text, not {python_type_text(asset_id)}")
    plain_id = str.__str__(asset_id)
    if not plain_id:
        raise AssetRefError("the asset_id is empty")
    # A call less for each text, which nearly all of them are.
    steps = tuple([step if type(step) is str else _plain_step(step) for step in _plain_sequence(field_path)])
    if url_length(plain_id, steps, MAX_REFERENCE_LENGTH) > MAX_REFERENCE_LENGTH:
        raise AssetRefError(f"its URL would be longer than {MAX_REFERENCE_LENGTH:,} characters")
    return plain_id, steps


def _read_text(text: str) -> tuple[object, object]:
    is_embedding = text.startswith("<|") and text.endswith("|>")
    written = text[2:-2] if is_embedding else text
    if len(written) > MAX_REFERENCE_LENGTH:
        raise AssetRefError(f"the text is longer than {MAX_REFERENCE_LENGTH:,} characters")
    if is_embedding and written.startswith("{") and written.endswith("}"):
        return _read_dict(_parse_json(written))
    # As find_embeddings sees it: the first `|>` is the end, and another `<|` begins another embedding, also
    # one whose bar is the end's.
    if is_embedding and ("<|" in text[2:] or "|>" in written):
        raise AssetRefError(
            "a URL between <| and |> holds neither of them", fix="Write < as %3C and > as %3E."
        )
    if not has_scheme(written):
        raise AssetRefError(f"the text does not begin with {SCHEME}")
    return parse_url(written)


def _parse_json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_unambiguous)
    except (ValueError, RecursionError):
        raise AssetRefError("between <| and |> is no valid JSON") from None


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("the same key twice")
    return fields


def _read_dict(form: object) -> tuple[object, object]:
    if not issubclass(type(form), dict):
        raise AssetRefError(f"a reference is a text or a dict, not {python_type_text(form)}")
    fields = cast("dict[object, object]", form)
    # At most three of them: an ordinary dict may be huge, and its keys may be anybody's.
    names = list(islice(dict.__iter__(fields), len(_FIELDS) + 1))
    if any(type(name) is not str for name in names) or not {"asset_id"} <= set(names) <= _FIELDS:
        raise AssetRefError("a dict that is a reference has the keys asset_id and field_path and no others")
    return dict.get(fields, "asset_id"), dict.get(fields, "field_path")


def _plain_sequence(field_path: object) -> tuple[object, ...]:
    if field_path is None:
        return ()
    if type(field_path) is tuple and len(field_path) <= MAX_STEPS:
        return field_path
    sequence = cast("Any", field_path)
    if issubclass(type(field_path), list):
        steps = tuple(islice(list.__iter__(sequence), MAX_STEPS + 1))
    elif issubclass(type(field_path), tuple):
        steps = tuple(islice(tuple.__iter__(sequence), MAX_STEPS + 1))
    else:
        raise AssetRefError(f"the field_path is a list of keys, not {python_type_text(field_path)}")
    if len(steps) > MAX_STEPS:
        raise AssetRefError(f"it has more than {MAX_STEPS} steps")
    return steps


def _plain_step(step: object) -> str | int:
    kind = type(step)
    if issubclass(kind, str):
        return str.__str__(step)
    if issubclass(kind, int) and kind is not bool:
        return _printable(int.__index__(cast("int", step)))
    raise AssetRefError(f"a step is a text or an integer, not {python_type_text(step)}")


def _printable(step: int) -> int:
    try:
        str(step)
    except ValueError:
        raise AssetRefError("a step is an integer with too many digits") from None
    return step
