"""What of a file is still missing, and who fetches which piece of it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

# A request costs a round trip: nothing smaller than this gets one of its own.
LEAST_PIECE_BYTES = 1 << 20


@dataclass(eq=False)
class Gap:
    """A range that has not arrived, half-open.

    Attributes:
        start: The next byte that is to come; moves on as bytes are written.
        end: Where the next range begins; moves back when somebody else takes a share.
        is_taken: Whether a connection fetches it.
    """

    start: int
    end: int
    is_taken: bool = False

    @property
    def size_bytes(self) -> int:
        """How much is missing."""
        return self.end - self.start


class Gaps:
    """The gaps of one file, in their order. Pieces are given out from the front. Any thread.

    A server must have shown that it can send ranges before the first connection's work is cut short for the
    sake of others: until then the second one only gets an offer, and `prove` makes a piece of that.

    Args:
        missing: Start and end of each gap.
        bytes_total: The size of the file.
        is_proven: Whether the server has answered with a range already.

    Attributes:
        piece_bytes: How much a connection gets at once, at the most.
        lead_bytes: How far the second connection begins ahead of the first, which goes on until it is there.
        wanted: How many connections are to work; those that are too many end after their piece.
    """

    def __init__(self, missing: Sequence[tuple[int, int]], bytes_total: int, *, is_proven: bool) -> None:
        self._changed = threading.Condition()
        self._gaps = [Gap(start, end) for start, end in missing]
        self._bytes_total = bytes_total
        self._is_proven = is_proven
        self._is_closed = False
        self._working = 0
        self.piece_bytes = self.lead_bytes = LEAST_PIECE_BYTES
        self.wanted = 1

    @property
    def front(self) -> int:
        """Everything before it has arrived."""
        with self._changed:
            return self._gaps[0].start if self._gaps else self._bytes_total

    @property
    def bytes_done(self) -> int:
        """How many bytes have arrived."""
        with self._changed:
            return self._bytes_total - sum(gap.size_bytes for gap in self._gaps)

    @property
    def arrived(self) -> tuple[tuple[int, int], ...]:
        """The ranges that have arrived, in their order."""
        with self._changed:
            starts = [0, *(gap.end for gap in self._gaps)]
            ends = [*(gap.start for gap in self._gaps), self._bytes_total]
        return tuple((start, end) for start, end in zip(starts, ends, strict=True) if start < end)

    @property
    def is_complete(self) -> bool:
        """Whether all has arrived."""
        return not self._gaps

    def take_all(self) -> Gap:
        """Take the first gap as it is: for an answer that is there already."""
        with self._changed:
            self._gaps[0].is_taken = True
            return self._gaps[0]

    def join(self) -> None:
        """Count a connection that is about to take pieces."""
        with self._changed:
            self._working += 1

    def leave(self) -> None:
        """Discount a connection; wakes up who waits."""
        with self._changed:
            self._working -= 1
            self._changed.notify_all()

    def take(self) -> Gap | None:
        """Take the next piece; waits while others have all that is missing and may yet fail.

        Returns:
            None if there is nothing left to do for this connection.
        """
        with self._changed:
            while self._gaps and not self._is_closed and self._working <= self.wanted:
                piece = self._next_piece() if self._is_proven else self._offer()
                if piece is not None:
                    return piece
                self._changed.wait()
            return None

    def _next_piece(self) -> Gap | None:
        for gap in self._gaps:
            if not gap.is_taken:
                return self._cut(gap, self._share(gap))
        longest = max(self._gaps, key=lambda gap: gap.size_bytes)
        if longest.size_bytes < 2 * LEAST_PIECE_BYTES:
            return None
        rest = Gap(longest.start + longest.size_bytes // 2, longest.end)
        self._insert_after(longest, rest)
        return self._cut(rest, rest.size_bytes)

    def _share(self, gap: Gap) -> int:
        """Smaller pieces towards the end, so that all connections end at about the same time."""
        if self.wanted == 1:
            return gap.size_bytes
        return max(min(self.piece_bytes, gap.size_bytes // (2 * self.wanted)), LEAST_PIECE_BYTES)

    def _offer(self) -> Gap | None:
        first = self._gaps[0]
        start = first.start + min(self.lead_bytes, first.size_bytes // 2)
        return Gap(start, min(start + self.piece_bytes, first.end), is_taken=True)

    def prove(self, piece: Gap) -> bool:
        """Note that a range of the same file is on its way.

        Args:
            piece: The piece that was asked for.

        Returns:
            False if it is of no use any more.
        """
        with self._changed:
            if self._is_closed or not self._gaps:
                return False
            if self._is_proven:
                return piece in self._gaps
            first = self._gaps[0]
            if first.start > piece.start:
                return False
            self._is_proven = True
            rest = Gap(piece.end, first.end)
            first.end = piece.start
            self._gaps = [gap for gap in (first, piece, rest) if gap.size_bytes]
            self._changed.notify_all()
            return True

    def advance(self, gap: Gap, count: int) -> None:
        """Note that bytes are written; more than there is missing are as good as what is missing.

        Args:
            gap: Where.
            count: How many.
        """
        with self._changed:
            gap.start = min(gap.start + count, gap.end)
            if not gap.size_bytes and gap in self._gaps:
                self._gaps.remove(gap)
                if not self._gaps:
                    self._changed.notify_all()

    def give_back(self, gap: Gap) -> None:
        """Let others have what is left of a piece.

        Args:
            gap: The piece.
        """
        with self._changed:
            gap.is_taken = False
            self._changed.notify_all()

    def close(self) -> None:
        """End the work: nobody gets another piece."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def wait(self, timeout_seconds: float) -> None:
        """Wait until a connection ends, fails, or all is there.

        Args:
            timeout_seconds: At the most so long.
        """
        with self._changed:
            if self._gaps and not self._is_closed:
                self._changed.wait(timeout_seconds)

    def _cut(self, gap: Gap, size_bytes: int) -> Gap:
        if gap.size_bytes - size_bytes >= LEAST_PIECE_BYTES:
            self._insert_after(gap, Gap(gap.start + size_bytes, gap.end))
        gap.is_taken = True
        return gap

    def _insert_after(self, gap: Gap, rest: Gap) -> None:
        gap.end = rest.start
        self._gaps.insert(self._gaps.index(gap) + 1, rest)
