"""Every example runs as it stands, from another folder, and prints what it is about."""

import importlib.util
from pathlib import Path

import pytest

from programs import Program

EXAMPLES = Path(__file__).parent.parent / "examples"

EXPECTED = {
    "agent.py": ["greeting.txt", "Hello, world!"],
    "actor_agents.py": ["manual: 6 words in manual.txt", "Did you mean 'manual'?"],
    "demo.py": [
        "48 agents ready",
        "GET /tiny-llm.safetensors    1 time\n",
        "GET /index.bin               1 time\n",
        "GET /prompts.zip             1 time\n",
        "tiny-llm: verified",
    ],
    "openmas_agent.py": ["Write short sentences."],
    "picture_report.py": ['"content_type": "asset_ref"', "# <|asset://", "content/image", "2 pictures, "],
}


def test_every_example_is_run_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_example_runs_as_it_stands(name: str, tmp_path: Path) -> None:
    if name == "openmas_agent.py" and importlib.util.find_spec("openmas") is None:
        pytest.skip("the OpenMAS framework is not installed; .ci/run runs this example beside it")
    with Program(EXAMPLES / name, folder_path=tmp_path) as program:
        finished = program.wait(timeout_seconds=100)
    assert finished.returncode == 0, finished.stderr
    for text in EXPECTED[name]:
        assert text in finished.stdout
