"""`BoundAssetRef`: a reference that knows its store, and is like any other in all else."""

import copy
import pickle
from collections.abc import Iterator

import pytest

from openmas_assets.actors import AssetStore
from openmas_assets.actors.bound_ref import BoundAssetRef
from openmas_assets.messages import AssetError, AssetRef, AssetRefError, ResolveAssetRef


@pytest.fixture
def store() -> Iterator[AssetStore]:
    with AssetStore() as store:
        yield store


def test_it_asks_its_store(store: AssetStore) -> None:
    content = {"rows": [[1], [2]]}
    ref = store.put(content, asset_id="a")
    assert ref.resolve() is store.get("a")
    assert ref.flatten() == store.flatten("a")
    rows = ref.child("content").child("rows")
    assert rows.resolve() is content["rows"]
    assert rows.flatten("::", keep_container_type=False) == {
        "content::rows::0::0": 1,
        "content::rows::1::0": 2,
    }


def test_each_asks_the_store_that_it_came_from(store: AssetStore) -> None:
    with AssetStore() as another:
        assert another.put(2, asset_id="a").child("content").resolve() == 2
        assert store.put(1, asset_id="a").child("content").resolve() == 1
        assert another.bind(store.bind("asset://a/content")).resolve() == 2
    with pytest.raises(AssetError, match="closed"):
        another.bind("asset://a").resolve()


def test_it_equals_the_plain_one_and_hashes_alike(store: AssetStore) -> None:
    bound, plain = store.put([], asset_id="a").child("content", 0), AssetRef("a", ["content", "0"])
    assert isinstance(bound, BoundAssetRef)
    assert bound == plain
    assert plain == bound
    assert len({bound, plain}) == 1
    assert bound != AssetRef("a", ["content", 1])
    assert (bound.url, bound.to_dict()) == (plain.url, {"asset_id": "a", "field_path": ["content", 0]})


def test_it_is_a_reference_wherever_one_is_taken(store: AssetStore) -> None:
    bound = store.put(1, asset_id="a").child("content")
    assert AssetRef.is_ref(bound)
    assert AssetRef.parse(bound) is bound
    assert store.ask(ResolveAssetRef(ref=bound)).get(timeout=10).value == 1


def test_it_pickles_as_a_plain_one_for_a_store_does_not_leave_its_process(store: AssetStore) -> None:
    bound = store.put(1, asset_id="a").child("content", 0)
    plain = pickle.loads(pickle.dumps(bound))
    assert type(plain) is AssetRef
    assert plain == bound
    with pytest.raises(AssetRefError, match="not bound to a store"):
        plain.resolve()


def test_its_copies_ask_the_same_store(store: AssetStore) -> None:
    bound = store.put(1, asset_id="a").child("content")
    for twin in (copy.copy(bound), copy.deepcopy(bound), *copy.deepcopy([bound])):
        assert twin == bound
        assert twin.resolve() == 1


def test_its_repr_says_what_it_refers_to_and_nothing_of_the_store(store: AssetStore) -> None:
    assert repr(store.bind("asset://a/content")) == "BoundAssetRef(asset_id='a', field_path=('content',))"


def test_a_part_that_cannot_be_one_is_refused(store: AssetStore) -> None:
    with pytest.raises(AssetRefError, match="a step is a text or an integer"):
        store.bind("asset://a").child(1, True)  # noqa: FBT003 - that is what is wrong
