"""An explanation says what is wrong; tests/actors/test_project.py has what it says."""

from openmas_assets.messages.explanation import content_problems


def test_with_nothing_wrong_there_is_nothing_to_explain() -> None:
    data = {"assets": [{"name": "a", "source": {"type": "local", "path": "a"}}]}
    assert content_problems(data, lambda _: None) == []
