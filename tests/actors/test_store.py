"""`AssetStore`: objects in memory, kept by reference and read by reference."""

import asyncio
import base64
import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from PIL import Image
from pydantic import BaseModel

from hostile import Journal, hostile
from openmas_assets.actors import AssetStore, RenderPlace
from openmas_assets.messages import (
    Asset,
    AssetConfigurationError,
    AssetError,
    AssetRef,
    AssetRefError,
    GetAsset,
    RenderText,
    ResolveAssetRef,
)
from openmas_assets.messages.meta_limits import MetaLimits

PIXELS = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


@pytest.fixture
def store() -> Iterator[AssetStore]:
    with AssetStore() as store:
        yield store


# The guide's examples, word for word


@pytest.fixture
def guide(store: AssetStore) -> AssetRef:
    content = {
        "image": PIXELS,
        "source_url": "<the_image_source_url>",
        "labels": ["<label_1>", "<label_2>"],
    }
    return store.put(content, asset_type="asset_example", asset_id="<asset_id>")


def test_the_meta_of_the_guide(store: AssetStore, guide: AssetRef) -> None:
    meta = store.meta(guide)
    assert meta == {
        "asset_type": "asset_example",
        "asset_id": "<asset_id>",
        "content_type": "<class 'dict'>",
        "content": {
            "image": "<class 'numpy.ndarray'>",
            "source_url": "<the_image_source_url>",
            "labels": ["<label_1>", "<label_2>"],
        },
    }
    assert list(meta) == ["asset_type", "asset_id", "content_type", "content"]
    assert store.metas() == [meta]


def test_the_flattened_meta_of_the_guide(store: AssetStore, guide: AssetRef) -> None:
    flattened = {
        "asset_type": "asset_example",
        "asset_id": "<asset_id>",
        "content_type": "<class 'dict'>",
        "content": "<class 'dict'>",
        "content/image": "<class 'numpy.ndarray'>",
        "content/source_url": "<the_image_source_url>",
        "content/labels": "<class 'list'>",
        "content/labels/0": "<label_1>",
        "content/labels/1": "<label_2>",
    }
    for entries in (guide.flatten(sep="/", keep_container_type=True), store.flatten(guide)):
        assert list(entries.items()) == list(flattened.items())
    assert store.metas(flattened=True) == [flattened]
    without = guide.flatten(keep_container_type=False)
    assert [key for key in flattened if key not in without] == ["content", "content/labels"]


PATH = ["the", "hierarchical", "path", "starting", "from", "the", "asset", "json", "root"]
PATH += ["to", "the", "field", "being", "retrieved"]


def test_the_references_of_the_guide(store: AssetStore) -> None:
    as_dict = {"asset_id": "the_id_to_the_reference_asset", "field_path": PATH}
    as_url = (
        "asset://the_id_to_the_reference_asset/the/hierarchical/path/starting/from/the/asset/json/root"
        "/to/the/field/being/retrieved"
    )
    assert AssetRef.parse(as_dict) == AssetRef.parse(as_url)
    assert AssetRef.parse(as_url).to_dict() == as_dict
    content: Any = "the object"
    for step in reversed(PATH):
        content = {step: content}
    ref = store.put(content, asset_id="the_id_to_the_reference_asset")
    assert store.resolve({**as_dict, "field_path": ["content", *PATH]}) == "the object"
    assert store.resolve(as_url.replace("asset/the", "asset/content/the", 1)) == "the object"
    # "a field_path should always start from the first level of the asset JSON"
    with pytest.raises(AssetRefError, match="without the field the") as raised:
        store.resolve(as_url)
    assert raised.value.available == ("asset_id", "content_type", "content")
    assert raised.value.reached == ref.url


def test_an_integer_references_an_element_of_an_array(store: AssetStore, guide: AssetRef) -> None:
    assert store.resolve({"asset_id": "<asset_id>", "field_path": ["content", "labels", 1]}) == "<label_2>"
    assert store.resolve(guide.child("content", "labels", "1")) == "<label_2>"


@pytest.mark.parametrize(
    "text",
    [
        '![image_alt](<|{"asset_id":"the_asset_id","field_path":["path", "to", "the", "image", "object"]}|>)',
        "![image_alt](<|asset://the_asset_id/path/to/the/image/object|>)",
    ],
)
def test_the_markdown_of_the_guide(store: AssetStore, text: str, caplog: pytest.LogCaptureFixture) -> None:
    image = {"to": {"the": {"image": {"object": PIXELS}}}}
    store.put({"path": image}, asset_id="the_asset_id")
    assert store.render(text) == text
    assert "asset://the_asset_id is an asset without the field path" in caplog.text
    as_field = text.replace('["path"', '["content", "path"').replace("asset_id/path", "asset_id/content/path")
    rendered = store.render(as_field)
    [[kind, data]] = re.findall(r"^!\[image_alt\]\(data:image/(\w+);base64,([^)]+)\)$", rendered)
    assert kind == "png"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))), PIXELS)


# Putting


class Live:
    pass


class Model(BaseModel):
    pass


def test_what_was_put_is_what_is_read_never_a_copy(store: AssetStore) -> None:
    contents: list[Any] = [
        {"a": [1]},
        [[]],
        ({},),
        {1},
        PIXELS,
        Live(),
        Live,
        threading.Lock(),
        b"x",
        Model(),
    ]
    for content in contents:
        ref = store.put(content)
        assert store.get(ref.asset_id).content is content
        assert store.resolve(ref.child("content")) is content
        assert ref.child("content").resolve() is content
        asset = store.get(ref.asset_id)
        assert store.resolve(ref) is asset
        assert store.put(asset, asset_id="copy", replace=True).child("content").resolve() is content
    nested = {"rows": [{"cell": PIXELS}]}
    assert store.put(nested).child("content", "rows", 0, "cell").resolve() is PIXELS


def test_a_change_of_the_content_is_seen_by_all(store: AssetStore) -> None:
    content: dict[str, Any] = {}
    ref = store.put(content)
    content["added"] = 1
    assert ref.child("content", "added").resolve() == 1
    assert store.meta(ref)["content"] == {"added": 1}


def test_ids_are_made_and_no_two_are_the_same(store: AssetStore) -> None:
    ids = {store.put(number).asset_id for number in range(1000)}
    assert len(ids) == len(store) == 1000
    assert set(store) == ids


def test_an_id_in_use_is_refused_unless_it_is_to_be_replaced(store: AssetStore) -> None:
    store.put(1, asset_id="a")
    with pytest.raises(AssetError, match=r"the id 'a' is in use\. .*replace=True"):
        store.put(2, asset_id="a")
    assert store.resolve("asset://a/content") == 1
    store.put(3, asset_id="a", replace=True)
    assert store.resolve("asset://a/content") == 3
    store.put(4, asset_id="b", replace=True)
    assert list(store) == ["a", "b"]


def test_the_content_type_is_the_python_type_unless_it_is_given(store: AssetStore) -> None:
    assert store.get(store.put(PIXELS).asset_id).content_type == "<class 'numpy.ndarray'>"
    assert store.get(store.put(PIXELS, content_type="image/raw").asset_id).content_type == "image/raw"


def test_a_dict_that_looks_like_an_asset_is_a_content(store: AssetStore) -> None:
    content = {"asset_id": "a", "content_type": "t", "content": 1}
    ref = store.put(content, asset_id="b")
    assert store.get("b").content is content
    assert ref.child("content", "content").resolve() == 1
    assert list(store) == ["b"]


def test_an_asset_is_put_as_it_is(store: AssetStore) -> None:
    asset = Asset(asset_id="a", asset_type="t", description="d", content_type="c", content=[])
    assert store.put(asset).asset_id == "a"
    assert store.get("a") is asset
    assert store.meta("a") == {
        "asset_type": "t",
        "asset_id": "a",
        "description": "d",
        "content_type": "c",
        "content": [],
    }


def test_what_is_given_with_an_asset_goes_before_its_own_fields_and_leaves_it_as_it_is(
    store: AssetStore,
) -> None:
    asset = Asset(asset_id="a", asset_type="t", content_type="c", content=[])
    store.put(asset, asset_id="b", description="d", content_type="other")
    stored = store.get("b")
    assert (stored.asset_type, stored.description, stored.content_type) == ("t", "d", "other")
    assert stored.content is asset.content
    assert asset == Asset(asset_id="a", asset_type="t", content_type="c", content=asset.content)
    assert list(store) == ["b"]


def test_an_asset_of_a_derived_class_stays_one(store: AssetStore) -> None:
    class Picture(Asset):
        width: int = 0

    store.put(Picture(content=PIXELS, width=5), asset_id="a")
    stored = store.get("a")
    assert isinstance(stored, Picture)
    assert (stored.width, stored.content is PIXELS) == (5, True)


@pytest.mark.parametrize("content", [1, Asset(content=1)], ids=["content", "asset"])
@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"asset_id": ""}, "this cannot be an asset: asset_id: .*at least 1 character"),
        (
            {"asset_id": 5, "description": 5},
            "asset_id: .*valid string; description: .*valid string|description.*asset_id",
        ),
        ({"asset_id": "x" * 70_000}, "longer than 65,536 characters"),
    ],
    ids=["empty", "number", "long"],
)
def test_what_cannot_be_an_asset_is_refused_and_nothing_is_stored(
    store: AssetStore, content: object, fields: dict[str, Any], problem: str
) -> None:
    with pytest.raises(AssetError, match=problem):
        store.put(content, **fields)
    assert len(store) == 0


def test_nothing_of_a_hostile_object_runs(store: AssetStore) -> None:
    journal = Journal()
    content = hostile(journal)
    journal.open()
    ref = store.put(content, asset_id="a")
    store.put(Asset(content=[content]), asset_id="b")
    part = ref.child("content")
    assert part.resolve() is content
    assert store.meta(part) == "<class 'hostile.Hostile'>"
    assert part.flatten() == {"content": "<class 'hostile.Hostile'>"}
    assert store.meta("b")["content"] == ["<class 'hostile.Hostile'>"]
    assert [meta["asset_id"] for meta in store.metas()] == ["a", "b"]
    with pytest.raises(AssetRefError):
        part.child("secret").resolve()
    repr(store.get("a"))
    assert journal.calls == []


# Reading


FORMS: list[Callable[[AssetRef], Any]] = [
    lambda ref: ref,
    lambda ref: AssetRef(ref.asset_id, ref.field_path),
    lambda ref: ref.to_dict(),
    lambda ref: ref.url,
    lambda ref: ref.embedding,
    lambda ref: f"<|{json.dumps(ref.to_dict())}|>",
]


@pytest.mark.parametrize("form", FORMS, ids=["bound", "plain", "dict", "url", "embedding", "json embedding"])
def test_every_form_of_a_reference_is_taken_wherever_one_is(
    store: AssetStore, form: Callable[[AssetRef], Any]
) -> None:
    content = {"a/b": [1, 2]}
    whole = store.put(content, asset_id="an id/with ü")
    part = whole.child("content", "a/b")
    assert store.resolve(form(whole)) is store.get(whole.asset_id)
    assert store.resolve(form(part)) is content["a/b"]
    assert store.meta(form(part)) == [1, 2]
    assert store.meta(form(whole))["asset_id"] == "an id/with ü"
    assert store.flatten(form(part)) == {
        "content/a%2Fb": "<class 'list'>",
        "content/a%2Fb/0": 1,
        "content/a%2Fb/1": 2,
    }
    assert store.bind(form(part)).resolve() is content["a/b"]


def test_a_bare_id_is_taken_for_metadata(store: AssetStore) -> None:
    store.put(1, asset_id="a b")
    assert store.meta("a b") == store.meta(AssetRef("a b"))
    assert store.flatten("a b") == store.flatten(AssetRef("a b"))
    with pytest.raises(AssetRefError, match="this is no reference"):
        store.resolve("a b")


@pytest.mark.parametrize(
    "form", [None, 5, {}, {"id": "a"}, [], b"asset://a", "", {"asset_id": "a", "field_path": "b"}]
)
def test_what_is_no_reference_is_refused(store: AssetStore, form: Any) -> None:
    for read in (store.resolve, store.meta, store.flatten, store.bind):
        with pytest.raises(AssetRefError):
            read(form)


@pytest.mark.parametrize("asset_id", [None, 5, "", AssetRef("a")])
def test_what_is_no_id_is_refused(store: AssetStore, asset_id: Any) -> None:
    store.put(1, asset_id="a")
    for read in (store.get, store.delete):
        with pytest.raises(AssetRefError, match="the asset_id is"):
            read(asset_id)
    assert asset_id not in store
    assert len(store) == 1


def test_an_unknown_id_is_answered_with_those_there_are(store: AssetStore) -> None:
    with pytest.raises(AssetRefError, match=r"there is no asset of the id 'a'\. The ids: none\."):
        store.get("a")
    for name in ("picture-of-the-sea", "report"):
        store.put(1, asset_id=name)
    asks: list[Callable[[], Any]] = [
        lambda: store.get("picture-of-teh-sea"),
        lambda: store.delete("picture-of-teh-sea"),
        lambda: store.resolve("asset://picture-of-teh-sea/content"),
        lambda: store.meta("picture-of-teh-sea"),
        lambda: store.flatten("picture-of-teh-sea"),
    ]
    for ask in asks:
        with pytest.raises(AssetRefError) as raised:
            ask()
        assert str(raised.value) == (
            "there is no asset of the id 'picture-of-teh-sea'. Did you mean 'picture-of-the-sea'? "
            "The ids: picture-of-the-sea, report."
        )
        assert raised.value.step == "picture-of-teh-sea"
        assert raised.value.available == ("picture-of-the-sea", "report")
        assert isinstance(raised.value, LookupError)


def test_the_answer_to_an_unknown_id_is_bounded(store: AssetStore) -> None:
    for number in range(1000):
        store.put(1, asset_id=f"{number:04}-{'x' * 1000}")
    with pytest.raises(AssetRefError, match="and 980 more") as raised:
        store.get("y" * 10_000)
    assert len(str(raised.value)) < 3000
    assert len(raised.value.available) == 20


def test_a_deleted_asset_is_gone_and_its_object_stays_with_whoever_has_it(store: AssetStore) -> None:
    content = {"a": 1}
    ref = store.put(content, asset_id="a")
    held = ref.child("content").resolve()
    store.delete("a")
    assert "a" not in store
    assert list(store) == []
    for ask in (lambda: store.delete("a"), lambda: store.get("a"), ref.resolve, ref.flatten):
        with pytest.raises(AssetRefError, match="there is no asset of the id 'a'"):
            ask()
    assert held is content
    assert store.put(2, asset_id="a").child("content").resolve() == 2


def test_it_has_a_length_and_members_and_is_true_even_when_empty(store: AssetStore) -> None:
    assert store
    assert len(store) == 0
    for name in ("b", "a", "c"):
        store.put(name, asset_id=name)
    assert list(store) == ["b", "a", "c"]
    assert len(store) == 3
    assert "a" in store
    assert "d" not in store
    assert None not in store
    for name in store:  # those that were there when it began
        store.delete(name)
    assert len(store) == 0


def test_metas_are_made_for_a_prompt(store: AssetStore) -> None:
    store.put({"id": UUID(int=1), "at": Path("/a/b"), "text": "x" * 5000}, asset_id="a")
    store.put(list(range(1000)), asset_id="b", description="numbers")
    metas = store.metas()
    assert [meta["asset_id"] for meta in metas] == ["a", "b"]
    assert metas[0]["content"]["id"] == str(UUID(int=1))
    assert metas[0]["content"]["at"] == "/a/b"
    assert metas[0]["content"]["text"].endswith("… (4,000 more characters)")
    assert metas[1]["content"][-1] == "… 900 more items"
    assert len(json.dumps(store.metas(flattened=True))) < 5000
    assert store.metas(limits=MetaLimits(10, 2, 20, 100, 1000))[1]["content"] == [0, 1, "… 998 more items"]
    assert len(store.flatten("b")) == 1004


def test_a_bad_asset_does_not_spoil_the_list(store: AssetStore) -> None:
    class Broken(Asset):
        def given_fields(self) -> dict[str, Any]:
            raise ValueError(self.content)

    store.put(1, asset_id="a")
    store.put(Broken(asset_id="broken", content="a secret"))
    store.put(2, asset_id="b")
    for flattened in (False, True):
        metas = store.metas(flattened=flattened)
        assert [meta["asset_id"] for meta in metas] == ["a", "broken", "b"]
        assert metas[1] == {"asset_id": "broken", "error": "it cannot be read: <class 'ValueError'>"}


@pytest.mark.parametrize("sep", ["", "a", "1", "%"])
def test_a_separator_that_is_none_is_refused(store: AssetStore, sep: str) -> None:
    asks: list[Callable[[], Any]] = [
        lambda: store.metas(flattened=True, sep=sep),
        lambda: store.flatten(store.put([1]), sep),
    ]
    for ask in asks:
        with pytest.raises(AssetConfigurationError, match="the separator of flattened keys"):
            ask()


# Properties


class Circle:
    def __init__(self) -> None:
        self.radius = 2
        self.asked = 0

    @property
    def area(self) -> int:
        self.asked += 1
        return self.radius**2 * 3

    @property
    def broken(self) -> int:
        message = "a secret"
        raise ValueError(message)

    @property
    def exits(self) -> int:
        raise SystemExit("a secret")


def test_a_property_is_evaluated_only_where_that_is_allowed(store: AssetStore) -> None:
    circle = Circle()
    ref = store.put(circle).child("content", "area")
    with pytest.raises(AssetRefError, match="without the field area"):
        ref.resolve()
    store.meta(ref.asset_id)
    store.flatten(ref.asset_id)
    assert circle.asked == 0
    store.allow_properties(Circle, "area")
    assert ref.resolve() == 12
    assert store.meta(ref) == 12
    assert ref.flatten() == {"content/area": 12}
    assert store.render(f"{ref.embedding}") == "12"
    assert circle.asked == 4
    assert store.meta(ref.asset_id)["content"] == str(Circle)
    assert circle.asked == 4


@pytest.mark.parametrize(("name", "kind"), [("broken", "ValueError"), ("exits", "SystemExit")])
def test_a_property_that_fails_is_an_error_of_the_reference(store: AssetStore, name: str, kind: str) -> None:
    store.allow_properties(Circle, "broken", "exits")
    ref = store.put(Circle()).child("content")
    for ask in (store.resolve, store.meta, store.flatten):
        with pytest.raises(AssetRefError, match=f"failed with <class '{kind}'>") as raised:
            ask(ref.child(name))
        assert "secret" not in str(raised.value)
    assert store.resolve(ref.child("radius")) == 2


def test_properties_that_are_allowed_at_the_same_time_are_all_allowed(store: AssetStore) -> None:
    """However the threads interleave: one that is slow to give its names overwrites nobody's."""
    inside, gate = threading.Event(), threading.Event()

    class SlowName(str):
        __slots__ = ()

        def isidentifier(self) -> bool:
            inside.set()
            # Whoever is kept out cannot open the gate.
            assert store._rules_lock.locked() or gate.wait(10)
            return True

    def allow_another() -> None:
        assert inside.wait(10)
        store.allow_properties(Circle, "area")
        gate.set()

    with ThreadPoolExecutor(2) as threads:
        for each in (
            threads.submit(store.allow_properties, Live, SlowName("x")),
            threads.submit(allow_another),
        ):
            each.result()
    assert store.put(Circle()).child("content", "area").resolve() == 12


@pytest.mark.parametrize(("object_type", "name"), [(Circle, "_private"), (Circle, "a b"), (Circle(), "area")])
def test_what_is_no_property_cannot_be_allowed(store: AssetStore, object_type: Any, name: str) -> None:
    with pytest.raises(AssetConfigurationError):
        store.allow_properties(object_type, name)


# Text


def test_a_text_shows_what_it_refers_to(store: AssetStore) -> None:
    store.put({"title": "The sea", "count": 3, "rows": [1, None]}, asset_id="a")
    text = '# <|asset://a/content/title|>\n<|{"asset_id": "a", "field_path": ["content", "count"]}|> of <|asset://a/content/rows|>'
    assert store.render(text) == "# The sea\n3 of [1, null]"
    assert store.render(text, "text/plain") == "# The sea\n3 of [1, null]"
    assert json.loads(store.render('{"rows": <|asset://a/content/rows|>}', "application/json")) == {
        "rows": [1, None]
    }
    assert store.render("nothing at all") == "nothing at all"


def test_what_a_reference_brought_is_not_searched_for_references(store: AssetStore) -> None:
    store.put("<|asset://b/content|>", asset_id="a")
    store.put("no", asset_id="b")
    assert store.render("<|asset://a/content|>") == "<|asset://b/content|>"


def test_what_cannot_be_shown_stays_and_is_logged(
    store: AssetStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.put({"lock": threading.Lock(), "one": 1}, asset_id="a")
    text = "<|asset://b/content|>\n<|asset://a/content/lock|>\n<|asset://a/content/one|>"
    assert store.render(text) == text.replace("<|asset://a/content/one|>", "1")
    messages = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in messages] == ["WARNING", "WARNING"]
    assert "there is no asset of the id 'b'" in messages[0][1]
    assert "asset://a/content/lock" in messages[1][1]
    answer = store.ask(RenderText(text=text)).get(timeout=10)
    assert answer.problems == tuple(message for _, message in messages)


def test_a_content_type_that_nobody_can_render_is_refused(store: AssetStore) -> None:
    with pytest.raises(AssetConfigurationError, match="'text/unknown' cannot be rendered"):
        store.render("a", "text/unknown")


def test_a_renderer_of_ones_own_shows_objects_in_its_way(store: AssetStore) -> None:
    places = []

    def show(circle: Circle, place: RenderPlace) -> str:
        places.append(place)
        return f"a circle of {circle.radius}"

    store.add_renderer("text/html", Circle, show)
    store.put(Circle(), asset_id="a")
    assert store.render("<p><|asset://a/content|></p>", "text/html") == "<p>a circle of 2</p>"
    assert [place.content_type for place in places] == ["text/html"]


def test_a_renderer_that_fails_leaves_the_reference_in_place(
    store: AssetStore, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Any, __: RenderPlace) -> str:
        message = "a secret"
        raise ValueError(message)

    def refuse(_: Any, __: RenderPlace) -> str:
        message = "it is too round"
        raise AssetError(message)

    store.add_renderer("text/plain", Circle, fail)
    store.add_renderer("text/plain", Live, refuse)
    store.put([Circle(), Live()], asset_id="a")
    text = "<|asset://a/content/0|> <|asset://a/content/1|>"
    assert store.render(text, "text/plain") == text
    assert "failed (ValueError)" in caplog.text
    assert "it is too round" in caplog.text
    assert "secret" not in caplog.text


# Many at once


def test_sixty_four_threads_share_a_store(store: AssetStore) -> None:
    store.put({"count": 1}, asset_id="shared")
    won: list[str] = []

    def work(number: int) -> None:
        for turn in range(20):
            content = {"number": number, "turn": turn}
            ref = store.put(content)
            assert ref.child("content").resolve() is content
            assert store.meta(ref)["content"] == content
            assert store.resolve("asset://shared/content/count") == 1
            try:
                store.put(number, asset_id=f"turn {turn}")
            except AssetError as error:
                assert "is in use" in str(error)  # noqa: PT017 - all but one
            else:
                won.append(f"turn {turn}")
            if turn % 2:
                store.delete(ref.asset_id)

    with ThreadPoolExecutor(64) as threads:
        list(threads.map(work, range(64)))
    assert sorted(won) == sorted(f"turn {turn}" for turn in range(20))
    assert len(store) == 1 + 20 + 64 * 10


async def test_thousands_of_awaited_resolves_leave_the_loop_ticking(store: AssetStore) -> None:
    gate = threading.Event()

    class Slow:
        @property
        def value(self) -> int:
            assert gate.wait(30)
            return 7

    store.allow_properties(Slow, "value")
    ref = store.put({"slow": Slow(), "quick": 1}).child("content")
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while ticks < 1000:
            await asyncio.sleep(0)
            ticks += 1
        gate.set()

    async def agent(number: int) -> int:
        await store.ask(GetAsset(asset_id=ref.asset_id))
        path = ("slow", "value") if number % 20 == 0 else ("quick",)
        value = (await store.ask(ResolveAssetRef(ref=ref.child(*path)))).value
        assert isinstance(value, int)
        return value

    ticker = asyncio.create_task(tick())
    values = await asyncio.gather(*[agent(number) for number in range(4000)])
    assert ticker.done()  # nothing slow was answered before the loop had ticked
    assert values.count(7) == 200
    assert values.count(1) == 3800


def test_several_event_loops_share_a_store(store: AssetStore) -> None:
    async def work() -> list[int]:
        refs = [store.put(number) for number in range(100)]
        replies = [store.ask(ResolveAssetRef(ref=ref.child("content"))) for ref in refs]
        return [answer.value for answer in await asyncio.gather(*replies)]

    with ThreadPoolExecutor(4) as threads:
        results = [threads.submit(asyncio.run, work()) for _ in range(4)]
    assert [result.result() for result in results] == [list(range(100))] * 4


# The end


def test_every_method_of_a_closed_store_says_that_it_is_closed() -> None:
    with AssetStore() as store:
        ref = store.put([1], asset_id="a")
    asks: list[Callable[[], Any]] = [
        lambda: store.put(1),
        lambda: store.put(Asset(content=1), asset_id="b", replace=True),
        lambda: store.get("a"),
        lambda: store.resolve(ref),
        lambda: store.meta("a"),
        store.metas,
        lambda: store.flatten("a"),
        lambda: store.render("a"),
        lambda: store.delete("a"),
        lambda: len(store),
        lambda: "a" in store,
        lambda: list(store),
        lambda: store.bind("asset://a").resolve(),
        ref.resolve,
        ref.flatten,
        ref.child("content").resolve,
    ]
    for ask in asks:
        with pytest.raises(AssetError, match="the asset store is closed"):
            ask()
    store.close()


async def test_async_with_closes_it() -> None:
    async with AssetStore() as store:
        store.put(1, asset_id="a")
        assert (await store.ask(ResolveAssetRef(ref=AssetRef("a", ["content"])))).value == 1
    with pytest.raises(AssetError, match="the asset store is closed"):
        await store.ask(GetAsset(asset_id="a"))


def test_stores_share_nothing() -> None:
    with AssetStore() as one, AssetStore() as other:
        one.put(1, asset_id="a")
        one.allow_properties(Circle, "area")
        one.add_renderer("text/html", Circle, lambda _, __: "")
        assert "a" not in other
        with pytest.raises(AssetRefError):
            other.put(Circle()).child("content", "area").resolve()
        with pytest.raises(AssetConfigurationError):
            other.render("", "text/html")
