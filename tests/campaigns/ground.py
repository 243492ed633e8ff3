"""What a campaign works with."""

import contextlib
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from loopback import LoopbackServer
from tally import Tally


class Ground(NamedTuple):
    """What a campaign works with.

    Attributes:
        folder: An empty folder to work in.
        generator: Of the random choices.
        server: Serves the assets.
        tally: Counts.
    """

    folder: Path
    generator: random.Random
    server: LoopbackServer
    tally: Tally


@contextlib.contextmanager
def open_ground(generator: random.Random, tally: Tally) -> Iterator[Ground]:
    """A folder and a server for as long as the context lasts.

    Args:
        generator: Of the random choices.
        tally: Counts.
    """
    with tempfile.TemporaryDirectory(prefix="campaign-") as folder, LoopbackServer() as server:
        yield Ground(Path(folder), generator, server, tally)
