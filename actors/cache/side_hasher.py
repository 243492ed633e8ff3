"""SHA-256 of files while they are written: of large ones in a thread of its own, so that it costs no time."""

import hashlib
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from hashlib import _Hash

_PIECES_BEHIND = 4
# Hashing less than this takes about as long as handing it over does.
_HANDED_OVER_BYTES = 64 * 1024


class SideHasher:
    """Hashes one file after another. To be used in a `with`, by one thread; it starts another when that pays.

    Attributes:
        digests: The digest of each file, by the path that `end` was given; complete after `finish`.
    """

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}
        self._hash = hashlib.sha256()
        self._is_handed_over = False
        self._thread: Thread | None = None
        # None ends the thread; a path ends the file. Each piece takes a token, and gives it back when hashed.
        self._pieces: SimpleQueue[tuple[_Hash, bytes | memoryview | str] | None] = SimpleQueue()
        self._tokens: SimpleQueue[None] = SimpleQueue()
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._join()

    def update(self, piece: bytes | memoryview) -> None:
        """Go on with the current file.

        Args:
            piece: Its next bytes, which must not change any more.
        """
        if not self._is_handed_over:
            if len(piece) < _HANDED_OVER_BYTES:
                self._hash.update(piece)
                return
            self._is_handed_over = True
            self._start()
        self._tokens.get()
        self._pieces.put((self._hash, piece))

    def end(self, path: str) -> None:
        """End the current file; the next piece is of another one.

        Args:
            path: What to note its digest under.
        """
        if self._is_handed_over:
            self._pieces.put((self._hash, path))
        else:
            self.digests[path] = self._hash.hexdigest()
        self._hash, self._is_handed_over = hashlib.sha256(), False

    def finish(self) -> dict[str, str]:
        """Wait until everything is hashed.

        Returns:
            The digests, 64 hex digits each.
        """
        self._join()
        if self._error is not None:
            raise self._error
        return self.digests

    def _start(self) -> None:
        if self._thread is None:
            for _ in range(_PIECES_BEHIND):
                self._tokens.put(None)
            # A daemon: nothing is lost if the interpreter ends before somebody has ended this.
            self._thread = Thread(target=self._run, name="side-hasher", daemon=True)
            self._thread.start()

    def _join(self) -> None:
        if self._thread is not None:
            self._pieces.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (item := self._pieces.get()) is not None:
            digest, piece = item
            if isinstance(piece, str):
                self.digests[piece] = digest.hexdigest()
                continue
            try:
                digest.update(piece)
            except BaseException as error:  # noqa: BLE001, `finish` raises it
                self._error = error
            # Not kept while waiting for the next: it may be the last reference to a large buffer.
            del item, piece
            self._tokens.put(None)
