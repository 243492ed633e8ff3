"""What the tests of the terminal share."""

from pathlib import Path

import pytest

from project_folder import ProjectFolder


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine says about us is none of the tests' business."""
    for name in ("OPENMAS_ASSETS_DIR", "OPENMAS_ASSETS_DEBUG", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    """A project without assets; `declare` them."""
    folder = ProjectFolder(tmp_path / "project")
    folder.declare()
    return folder
