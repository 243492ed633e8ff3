"""Fuzzes references: what is one, what it leads to in odd objects, what is told of those, and texts."""

import json
import types
from typing import Any

from fuzz_input import HARMLESS_TEXTS, TEXTS, Choices, mutated_value
from fuzz_objects import PRIVATE, VALUE, odd_object, real_path
from fuzz_oracle import check
from openmas_assets.actors.store import AssetStore
from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.embedding import find_embeddings, references
from openmas_assets.messages.errors import AssetRefError
from openmas_assets.messages.json_fit import fits_json
from openmas_assets.messages.store import RenderText

_PIECES = (
    *("asset://", "ASSET://", "fuzz", "/content", "/", "//", "%2F", "%", "%zz", "%00", "%ED%A0%80", "?a"),
    *("#a", "+", "<|", "|>", "<|asset://fuzz|>", '<|{"asset_id": "fuzz"}|>', '{"asset_id":'),
    *('"field_path":', "[", "]", "{", "}", "0", "01", "-1", "0:2", ":", "1e5", '"', "\\", '\\"', "\\ud800"),
    *("null", "true", "9" * 5000, "a/" * 300, "\ud800"),
    *(
        "![x](",
        ")",
        "`",
        "```\n",
        "~~~",
        "    ",
        "> ",
        "\n",
        "\n\n",
        "<|im_start|>",
        "[" * 3000,
        "<|" * 500,
        "é",
        "\0",
    ),
)


_TIMEOUT_SECONDS = 250
_STEPS = (
    *("content", "content", "content", "0", "1", "-1", "00", "0:2", ":1", "a", "value", "x", "count"),
    *("keys", "method", "__class__", "__dict__", "_secret", "computed", "asset_type", "asset_id"),
    *("description", "T", "dtype", "shape", "%2F"),
)
_CODE = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.ModuleType, type)


class ReferenceTarget:
    """Values and texts that may be references."""

    def run(self, choices: Choices) -> str:
        """See `fuzzing.Target`."""
        choices.texts = HARMLESS_TEXTS
        if choices.chance(40):
            return self._find(hostile_text(choices))
        form = reference_form(choices)
        try:
            ref = AssetRef.parse(form)
        except AssetRefError:
            check(not AssetRef.is_ref(form), "is_ref takes what parse does not")
            raise
        check(AssetRef.is_ref(form), "is_ref does not take what parse does")
        for other in (AssetRef.parse(ref.url), AssetRef.parse(ref.embedding), AssetRef.parse(ref.to_dict())):
            check(other == ref and hash(other) == hash(ref), f"{ref.url!r} is not what it says")
        check(ref.url.isascii(), f"{ref.url!r} is not ASCII")
        check(AssetRef(ref.asset_id, ref.field_path) == ref, "its parts make another one")
        return "a reference was read"

    def close(self) -> None:
        """See `fuzzing.Target`."""

    def _find(self, text: str) -> str:
        end = 0
        for embedding in (found := find_embeddings(text)):
            check(end <= embedding.start < embedding.end <= len(text), "embeddings overlap")
            end = embedding.end
            check(AssetRef.parse(text[embedding.start : end]) == embedding.ref, "an embedding is another one")
        check(set(references(text)) == {embedding.ref for embedding in found}, "some are not listed")
        return "a text has references" if found else "a text has no references"


def reference_form(choices: Choices) -> Any:
    """A reference, or something like one."""
    match choices.below(5):
        case 0:
            return "".join(choices.pick(_PIECES) for _ in range(1 + choices.below(6)))
        case 1:
            path = "/".join(choices.text() for _ in range(choices.below(5)))
            return f"asset://{choices.text()}/{path}"
        case 2:
            sample = {"asset_id": "fuzz", "field_path": ["content", 0, "a"]}
            changed: Any = mutated_value(choices, sample)
            return changed if choices.chance(60) else _embedded(changed)
        case 3:
            steps = [choices.plain_value(1) for _ in range(choices.pick((0, 1, 2, 3, 256, 257)))]
            return {"asset_id": choices.plain_value(1), "field_path": steps}
        case _:
            return choices.plain_value() if choices.chance(50) else odd_object(choices, 1)


def _embedded(form: Any) -> str:
    try:
        return f"<|{json.dumps(form)}|>"
    except ValueError:
        return "<|{}|>"


def hostile_text(choices: Choices) -> str:
    """Markdown, JSON or plain text with references and half ones in it."""
    if choices.chance(30):
        try:
            return json.dumps(
                {
                    choices.text(): [choices.pick(_PIECES), f"x <|asset://fuzz{_steps(choices)}|>"],
                    "a": choices.plain_value(2),
                }
            )
        except ValueError:
            return "[" * 5000
    parts = [
        choices.pick(_PIECES) if choices.chance(60) else f"<|asset://fuzz{_steps(choices)}|>"
        for _ in range(choices.below(12))
    ]
    return "".join(parts)


def _steps(choices: Choices) -> str:
    return "".join(f"/{choices.pick(_STEPS)}" for _ in range(choices.below(5)))


class StoreTarget:
    """An asset store that keeps odd objects, and answers what a model may ask."""

    def __init__(self) -> None:
        self._store = AssetStore()

    def run(self, choices: Choices) -> str:
        """See `fuzzing.Target`."""
        choices.texts = HARMLESS_TEXTS
        content = odd_object(choices)
        self._store.put(content, asset_id="fuzz", replace=True)
        ref = AssetRef("fuzz", real_path(choices, content)) if choices.chance(60) else reference_form(choices)
        match choices.below(6):
            case 0 | 1 | 2:
                value = self._resolve(ref)
                check(value is content or not issubclass(type(value), _CODE), "a reference leads to code")
                check(value is not PRIVATE, "a reference leads to a private attribute")
                return "a reference led to something"
            case 3:
                return self._tell(choices, ref)
            case 4:
                metas = self._store.metas(
                    flattened=choices.chance(50), sep=choices.pick(("/", ".", "::", "|", " "))
                )
                _check_json(metas)
                return "all metas were told"
            case _:
                return self._render(choices)

    def close(self) -> None:
        """See `fuzzing.Target`."""
        self._store.close()

    def _resolve(self, ref: Any) -> object:
        try:
            return self._store.resolve(ref)
        except AssetRefError as error:
            check(VALUE not in str(error), f"an error shows a value: {error}")
            raise

    def _tell(self, choices: Choices, ref: Any) -> str:
        if choices.chance(50):
            _check_json(self._store.meta(ref))
            return "a meta was told"
        flat = self._store.flatten(
            ref, sep=choices.text() if choices.chance(30) else "/", keep_container_type=choices.chance(50)
        )
        _check_json(flat)
        return "a meta was told flat"

    def _render(self, choices: Choices) -> str:
        text = hostile_text(choices)
        content_type = choices.pick(
            (
                "text/markdown",
                "text/plain",
                "application/json",
                "Text/Markdown; charset=x",
                choices.pick(TEXTS[:40]),
            )
        )
        rendered = self._store.ask(RenderText(text=text, content_type=content_type)).get(
            timeout=_TIMEOUT_SECONDS
        )
        check(len("".join(rendered.problems)) < 200_000, "the problems are endless")
        if not find_embeddings(text):
            check(rendered.text == text, "a text without references was changed")
        if content_type == "application/json" and _is_json(text):
            check(_is_json(rendered.text), f"JSON was rendered as {rendered.text[:300]!r}")
        return "a text was rendered" if rendered.text != text else "a text was left alone"


def _check_json(meta: Any) -> None:
    check(fits_json(meta), "a meta is no JSON")
    text = json.dumps(meta, allow_nan=False)
    check(PRIVATE not in text, "a meta shows a private attribute")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
