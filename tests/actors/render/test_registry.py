"""Who shows what: the most specific type wins, and what is registered goes before what is built in."""

import threading
from typing import Any

import pytest

from openmas_assets.actors.render.place import RenderPlace
from openmas_assets.actors.render.registry import RendererRegistry
from openmas_assets.messages.errors import AssetConfigurationError, AssetError
from rendering import Rendering


class Animal:
    pass


class Dog(Animal):
    pass


def saying(text: object) -> Any:
    return lambda _value, _place: text


def shown(registry: RendererRegistry, value: object, content_type: str = "text/markdown") -> str:
    return Rendering({"x": value}, registry).render("<|asset://x|>", content_type).text


def test_the_most_specific_type_wins() -> None:
    registry = RendererRegistry()
    registry.register("text/markdown", Dog, saying("dog"))
    registry.register("text/markdown", Animal, saying("animal"))
    registry.register("text/markdown", object, saying("thing"))
    assert shown(registry, Dog()) == "dog"
    assert shown(registry, Animal()) == "animal"
    assert shown(registry, object()) == "thing"


def test_a_registered_renderer_goes_before_the_built_in_one_of_its_type() -> None:
    registry = RendererRegistry()
    registry.register("text/markdown", int, saying("int"))
    assert [shown(registry, value) for value in (1, True)] == ["int", "int"]
    assert shown(registry, 1, "text/plain") == "1"


def test_a_renderer_for_object_leaves_the_built_in_ones_alone() -> None:
    registry = RendererRegistry()
    registry.register("text/markdown", object, saying("thing"))
    values: list[object] = ["a", 1, [], {1}]
    assert [shown(registry, value) for value in values] == ["a", "1", "[]", "thing"]


def test_the_last_one_registered_for_a_type_serves() -> None:
    registry = RendererRegistry()
    registry.register("Text/Markdown; charset=utf-8", Dog, saying("old"))
    registry.register("text/markdown", Dog, saying("new"))
    assert shown(registry, Dog()) == "new"


def test_a_new_content_type_has_no_other_renderers_than_the_registered_ones() -> None:
    rendering = Rendering({"dog": Dog(), "text": "<script>"})
    rendering.registry.register("text/html", Animal, saying("<b>dog</b>"))
    result = rendering.render("`<|asset://dog|>` <|asset://text|>", "text/html")
    assert result.text == "`<b>dog</b>` <|asset://text|>"
    assert "nothing shows <class 'str'> in text/html" in result.problems[0]
    assert rendering.registry.content_types() == (
        "application/json",
        "text/html",
        "text/markdown",
        "text/plain",
    )


def test_a_renderer_is_told_the_place() -> None:
    places: list[RenderPlace] = []

    def note(_value: object, place: RenderPlace) -> str:
        places.append(place)
        return "0"

    rendering = Rendering({"x": Dog()})
    for content_type in ("text/markdown", "application/json", "text/plain"):
        rendering.registry.register(content_type, Dog, note)
    rendering.render("<|asset://x|> ![](<|asset://x|>) <|asset://x|>")
    rendering.render('[<|asset://x|>, "<|asset://x|>"]', "application/json")
    rendering.render("<|asset://x|>", "text/plain")
    assert places == [
        RenderPlace("text/markdown"),
        RenderPlace("text/markdown", is_image_target=True),
        RenderPlace("application/json", is_json_value=True),
        RenderPlace("application/json"),
        RenderPlace("text/plain"),
    ]


def test_a_renderer_may_refuse_and_its_words_are_told() -> None:
    def refuse(_value: object, _place: RenderPlace) -> str:
        raise AssetError("dogs are shy", fix="Wait.")

    rendering = Rendering({"x": Dog()})
    rendering.registry.register("text/markdown", Dog, refuse)
    assert rendering.render("<|asset://x|>").problems == ("line 1: asset://x: dogs are shy. Wait.",)


@pytest.mark.parametrize(
    ("renderer", "why"), [(lambda _v, _p: 1 / 0, "ZeroDivisionError"), (saying(b""), "no text")]
)
def test_a_broken_renderer_spoils_no_other_reference(renderer: Any, why: str) -> None:
    rendering = Rendering({"x": Dog(), "y": 1})
    rendering.registry.register("text/markdown", Dog, renderer)
    result = rendering.render("<|asset://x|> <|asset://y|>")
    assert result.text == "<|asset://x|> 1"
    assert why in result.problems[0]


def test_a_content_type_that_is_none_cannot_be_registered() -> None:
    with pytest.raises(AssetConfigurationError, match="'html' is no content type"):
        RendererRegistry().register("html", Dog, saying(""))


def test_threads_register_and_render_at_once() -> None:
    registry = RendererRegistry()
    started = threading.Barrier(8)
    failures: list[str] = []

    def work(number: int) -> None:
        started.wait()
        for each in range(50):
            registry.register(f"text/x-{number}-{each}", Dog, saying("dog"))
            if shown(registry, Dog(), f"text/x-{number}-{each}") != "dog":
                failures.append(f"{number}-{each}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(registry.content_types()) == 3 + 8 * 50
