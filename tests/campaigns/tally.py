"""What a campaign has tried, and which promises it found broken."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts of one campaign. Not safe for threads: one thread counts.

    Attributes:
        rounds: How many rounds are over.
        counts: What happened, by a title such as "killed in the middle of".
        figures: What was measured, in words.
        failures: Promises that were broken, in words.
    """

    rounds: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    figures: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _failed_rounds: set[int] = field(default_factory=set)

    @property
    def survived(self) -> int:
        """How many rounds broke no promise."""
        return len(set(range(self.rounds)) - self._failed_rounds)

    def count(self, title: str, what: str, number: int = 1) -> None:
        """Note that something happened.

        Args:
            title: What it is counted with.
            what: What happened.
            number: How often.
        """
        self.counts.setdefault(title, Counter())[what] += number

    def fail(self, what: str) -> None:
        """Note that a promise was broken, in the round that is running.

        Args:
            what: Which, and how.
        """
        self._failed_rounds.add(self.rounds)
        self.failures.append(f"FAILED in round {self.rounds + 1}: {what}")

    def end_round(self) -> None:
        """Note that a round is over."""
        self.rounds += 1

    def lines(self) -> list[str]:
        """All of it but the failures, for people."""
        lines = []
        for title, counter in self.counts.items():
            lines.append(f"{title}:")
            lines += [f"  {count:8,}  {what}" for what, count in counter.most_common()]
        return [*lines, *self.figures]
