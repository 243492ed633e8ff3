"""Plugins to call: configs and calls in few words, and a door at which handlers can be held up."""

import threading
from typing import Any

ABSENT = object()


def config(name: str = "lab", **parameters: object) -> dict[str, Any]:
    """A plugin's config: each keyword is a command and its `parameter`, None where it declares none."""
    commands = [
        {"command_name": command, **({} if parameter is None else {"parameter": parameter})}
        for command, parameter in parameters.items()
    ]
    return {"info": {"title": name}, "commands": commands}


def message(
    command: str = "go", param: object = ABSENT, plugin: str = "lab", **more: object
) -> dict[str, Any]:
    """A call as an agent writes it."""
    content = {"command": command} if param is ABSENT else {"command": command, "param": param}
    receiver = {"role": "plugin", "name": plugin}
    return {"receiver": receiver, "content_type": "command", "content": content, **more}


def error_of(answer: dict[str, Any]) -> dict[str, Any]:
    """What an answer says went wrong."""
    assert answer["content_type"] == "error", answer
    error: dict[str, Any] = answer["content"]["error"]
    assert set(error) == {"type", "message", "param"}
    return error


def response_of(answer: dict[str, Any]) -> Any:
    """What an answer holds."""
    assert answer["content_type"] == "command", answer
    return answer["content"]["response"]


class Door:
    """Holds up handlers until it is opened."""

    def __init__(self) -> None:
        self._arrived = threading.Semaphore(0)
        self._is_open = threading.Event()

    def pass_through(self, *_: object) -> None:
        """Block until the door is open. A handler as it stands."""
        self._arrived.release()
        assert self._is_open.wait(60), "nobody opens the door"

    def wait_for(self, count: int = 1) -> None:
        """Block until so many more have arrived."""
        for _ in range(count):
            assert self._arrived.acquire(timeout=30), "nobody comes to the door"

    def open(self) -> None:
        """Let everybody go on."""
        self._is_open.set()


def threads(*names: str) -> list[threading.Thread]:
    """The living threads whose names begin so."""
    return [thread for thread in threading.enumerate() if thread.name.startswith(names)]


def wait_until_over(*waited_for: threading.Thread) -> None:
    """Block until the threads have ended."""
    for thread in waited_for:
        # One that is about to begin is listed by `threading.enumerate`, and cannot be joined yet.
        thread._started.wait(30)  # type: ignore[attr-defined]
        thread.join(30)
        assert not thread.is_alive(), thread.name
