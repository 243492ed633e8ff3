"""Taking from an iterator in a thread of its own: decompressing and writing go on at the same time."""

from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Self

_PIECES_AHEAD = 4  # enough that neither side waits for the other's hiccups, and 1 MiB at the most


class ReadAhead:
    """Runs one iterator at a time ahead of whoever takes from it. To be used in a `with`, by one thread.

    When the `with` ends, for whatever reason, no thread takes from an iterator any more.
    """

    def __init__(self) -> None:
        self._run: _Run | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._run is not None:
            self._run.stop()

    def pieces(self, source: Iterator[bytes]) -> Iterator[bytes]:
        """Take from an iterator, at most four pieces ahead.

        Args:
            source: What to take from, in another thread; nobody else may touch it or what it reads from. One
                that was not read to its end must have been left for good.

        Yields:
            Its pieces. What it raises is raised here, after the pieces before it.
        """
        if self._run is not None:
            self._run.stop()
        self._run = _Run(source)
        yield from self._run.pieces()


class _Run:
    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        # The second queue holds a token for each piece that may be made, which bounds the first.
        self._made: SimpleQueue[bytes | None] = SimpleQueue()
        self._wanted: SimpleQueue[None] = SimpleQueue()
        self._is_stopped = False
        self._error: BaseException | None = None
        # A daemon: nothing is lost if the interpreter ends before somebody has ended this.
        self._thread = Thread(target=self._make, name="read-ahead", daemon=True)
        for _ in range(_PIECES_AHEAD):
            self._wanted.put(None)
        self._thread.start()

    def pieces(self) -> Iterator[bytes]:
        while (piece := self._made.get()) is not None:
            self._wanted.put(None)
            yield piece
        self._thread.join()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        self._is_stopped = True
        self._wanted.put(None)
        self._thread.join()

    def _make(self) -> None:
        try:
            for piece in self._source:
                self._wanted.get()
                if self._is_stopped:
                    return
                self._made.put(piece)
        except BaseException as error:  # noqa: BLE001, it belongs to the thread that takes the pieces
            self._error = error
        finally:
            self._made.put(None)
