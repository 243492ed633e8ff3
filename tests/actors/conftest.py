"""What the tests of the actors share: managers that are closed when the test is over."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pykka
import pytest

from openmas_assets.actors import AssetManager
from openmas_assets.messages.project import ProjectConfig
from special_assets import GATE

OpenManager = Callable[..., AssetManager]


@pytest.fixture
def cache_path(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def open_manager(cache_path: Path) -> Iterator[OpenManager]:
    """Opens managers on one cache folder."""
    with ExitStack() as stack:

        def open_one(project: ProjectConfig, **options: Any) -> AssetManager:
            return stack.enter_context(AssetManager(project, cache_dir=cache_path, **options))

        yield open_one


@pytest.fixture(autouse=True)
def _no_actor_is_left() -> Iterator[None]:
    GATE.close()
    yield
    GATE.open()
    pykka.ActorRegistry.stop_all()
