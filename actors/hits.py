"""What the manager knows of the cache without looking at it anew: which copies are good, which are wrong."""

from dataclasses import dataclass

from openmas_assets.actors.cache.witness import are_unchanged
from openmas_assets.actors.numbered_inbox import NumberedInbox
from openmas_assets.messages.manager import AssetPath
from openmas_assets.messages.status import Witness


@dataclass(slots=True)
class _Hit:
    answer: AssetPath
    witnesses: tuple[Witness, ...]
    good_for: int = 0  # the number of the last message that had arrived when the cache was looked at


class Hits:
    """The answers that were right when given, and what must not have changed for them to be right still.

    Not an actor: all its methods run in the manager's thread.

    Args:
        inbox: The manager's.
    """

    def __init__(self, inbox: NumberedInbox) -> None:
        self._inbox = inbox
        self._hits: dict[str, _Hit] = {}
        self._distrusted: set[str] = set()

    def find(self, key: str) -> AssetPath | None:
        """The answer for an asset; None if there is none that is still good. A few `lstat` calls.

        Like a transfer, a look serves all who had asked by then: what they are told was so after they asked.

        Args:
            key: The asset's key.
        """
        hit = self._hits.get(key)
        if hit is None:
            return None
        if self._inbox.current > hit.good_for:
            newest = self._inbox.newest  # before the look: who comes while it lasts gets another one
            if not are_unchanged(hit.witnesses):
                return None
            hit.good_for = newest
        return hit.answer

    def remember(self, key: str, answer: AssetPath, witnesses: tuple[Witness, ...] | None) -> None:
        """Note that an answer is good.

        Args:
            key: The asset's key.
            answer: The answer.
            witnesses: What must not change; None where only a full look can tell.
        """
        self.forget(key)
        if witnesses is not None:
            self._hits[key] = _Hit(answer, witnesses)

    def renew(self, key: str, before: Witness, after: Witness) -> None:
        """Note that a witness has changed, and the copy has not.

        Args:
            key: The asset's key.
            before: What it said.
            after: What it says now.
        """
        hit = self._hits.get(key)
        if hit is not None:
            hit.witnesses = tuple(after if witness == before else witness for witness in hit.witnesses)

    def forget(self, key: str) -> None:
        """Have the cache looked at for the next request.

        Args:
            key: The asset's key.
        """
        self._hits.pop(key, None)

    def forget_all(self) -> None:
        """Have the cache looked at for every request that comes next."""
        self._hits.clear()

    def distrust(self, key: str) -> None:
        """Note that a copy's bytes are wrong, whatever a look at the cache may show.

        Args:
            key: The asset's key.
        """
        self.forget(key)
        self._distrusted.add(key)

    def trust(self, key: str) -> None:
        """Note that an asset was transferred anew, or its bytes found to be right.

        Args:
            key: The asset's key.
        """
        self._distrusted.discard(key)

    def is_distrusted(self, key: str) -> bool:
        """Whether only a new transfer will do.

        Args:
            key: The asset's key.
        """
        return key in self._distrusted
