"""A wrong project file, and what is told about it."""

from pathlib import Path

import pytest

from openmas_assets.actors.project import load_project
from openmas_assets.messages.errors import AssetConfigurationError


def problems_in(folder: Path, content: str | bytes) -> tuple[str, ...]:
    path = folder / "openmas_project.yml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(AssetConfigurationError) as caught:
        load_project(path)
    assert caught.value.path == path
    assert str(path) in str(caught.value)
    assert all(problem in str(caught.value) for problem in caught.value.problems)
    return caught.value.problems


def asset(*lines: str, name: str = "name: a", source: str = "source: {type: local, path: a.bin}") -> str:
    """An asset on lines 2 (name) and 3 (source), and what is given from line 4 on."""
    return "\n  ".join(["assets:\n- " + name, source, *lines]) + "\n"
