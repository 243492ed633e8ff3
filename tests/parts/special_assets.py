"""Assets whose key is a bug, a refusal or slow, but for one kind of actor only: what goes wrong is real."""

import errno
import itertools
import os
import threading
from collections.abc import Iterator

from pydantic import PrivateAttr

from openmas_assets.actors.base import AssetActor
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetError


class Gate:
    """Where a `Gated` asset holds up whoever asks for its key. One for the whole process, closed by tests."""

    def __init__(self) -> None:
        self._is_open, self._is_entered = threading.Event(), threading.Event()

    def close(self) -> None:
        """Hold up who comes from now on."""
        self._is_open.clear()
        self._is_entered.clear()

    def open(self) -> None:
        """Let everybody go on."""
        self._is_open.set()

    def pass_through(self) -> None:
        """Block until the gate is open."""
        self._is_entered.set()
        assert self._is_open.wait(30), "nobody opens the gate"

    def wait_until_entered(self) -> None:
        """Block until somebody is held up."""
        assert self._is_entered.wait(10), "nobody comes to the gate"


GATE = Gate()


class _Special(AssetConfig):
    """Its description is the class name of the actor for which it is special."""

    @property
    def key(self) -> str:
        if threading.current_thread().name.startswith(f"{self.description}-"):
            self._be_special()
        return super().key

    def _be_special(self) -> None:
        raise NotImplementedError


class Buggy(_Special):
    """An asset whose key is a bug."""

    def _be_special(self) -> None:
        message = "a bug in the key"
        raise ZeroDivisionError(message)


class GatedBuggy(Buggy):
    """An asset whose key takes long, and is a bug after all."""

    def _be_special(self) -> None:
        GATE.pass_through()
        super()._be_special()


class BuggyOnce(Buggy):
    """An asset whose key is a bug once, after it was right so many times."""

    good_for: int
    _asked: Iterator[int] = PrivateAttr(default_factory=itertools.count)

    def _be_special(self) -> None:
        if next(self._asked) == self.good_for:
            super()._be_special()


class Homeless(_Special):
    """An asset for which there is no place, as an expected failure."""

    def _be_special(self) -> None:
        message = "there is no place for it"
        raise AssetError(message)


class Unreadable(_Special):
    """An asset in whose place the disk fails."""

    def _be_special(self) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


class Gated(_Special):
    """An asset whose key takes long: a system call that no stop sign ends."""

    def _be_special(self) -> None:
        GATE.pass_through()


def special(
    special_class: type[_Special], config: AssetConfig, actor: type[AssetActor], **fields: object
) -> AssetConfig:
    """Return the same asset, special for that kind of actor."""
    return special_class.model_validate(dict(config) | {"description": actor.__name__, **fields})
