"""`openmas assets list`, from its start to its end."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from command import run
from result import Result, compared
from workbench import Workbench

TOOLS = ()

_ASSETS = 20
_IMPORTS = "import pydantic, click, yaml"
_MODEL = f"""{_IMPORTS}
class Model(pydantic.BaseModel):
    name: str
    size: int
    @pydantic.field_validator("name")
    @classmethod
    def check(cls, value): return value
    @pydantic.model_validator(mode="after")
    def check_all(self): return self
Model(name="a", size=1)
"""


def results(bench: Workbench) -> Iterator[Result]:
    """Compare with a Python that imports what the table cannot do without: pydantic, click and yaml.

    Beside it stands what one model with two validators takes: pydantic loads most of itself for the first.
    """
    with bench.scratch() as folder:
        _write_project(folder)
        script = Path(sys.executable).with_name("openmas")
        environment = {"OPENMAS_ASSETS_DIR": str(folder / "cache")}

        def openmas(*arguments: str) -> float:
            return run(script, "assets", *arguments, folder=folder, environment=environment).wall_seconds

        def python(program: str) -> float:
            return run(sys.executable, "-c", program).wall_seconds

        openmas("download", "--all")
        pairs = bench.pairs(lambda: openmas("list"), lambda: python(_IMPORTS), times=3)
        what = f"openmas assets list, {_ASSETS} assets, wall"
        yield compared("list", what, pairs, unit="ms", limit=1.3, scale=1e3)
        pairs = bench.pairs(lambda: python(_MODEL), lambda: python(_IMPORTS), times=3)
        yield compared("list", "one pydantic model, click and yaml", pairs, unit="ms", limit=None, scale=1e3)


def _write_project(folder: Path) -> None:
    """A project file of assets that can be downloaded, as JSON, which is YAML too."""
    assets = []
    for number in range(_ASSETS):
        path = folder / f"asset-{number}.bin"
        path.write_bytes(bytes(10_000))
        assets.append({"name": f"asset-{number}", "source": {"type": "local", "path": str(path)}})
    project = {"name": "bench", "version": "1", "assets": assets}
    (folder / "openmas_project.yml").write_text(json.dumps(project))
