"""How long something took, many times over, in the room of a few hundred numbers."""

import math
from collections import Counter

# Each step is that much longer than the one before.
_STEP = math.log(1.05)


class Latencies:
    """A histogram with steps of 5 %. Not safe for threads."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Note how long it took this time."""
        self._counts[math.floor(math.log(max(seconds, 1e-9)) / _STEP)] += 1

    def quantile(self, share: float) -> float:
        """Within how many seconds that share of all was done, at the most."""
        left = share * self._counts.total()
        for step in sorted(self._counts):
            left -= self._counts[step]
            if left <= 0:
                return math.exp((step + 1) * _STEP)
        return math.nan

    def __str__(self) -> str:
        p50, p99 = (1000 * self.quantile(share) for share in (0.5, 0.99))
        return f"p50 {p50:.2g} ms, p99 {p99:.2g} ms of {self._counts.total():,}"
