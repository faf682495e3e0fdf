"""Scores that are being computed: equal ones are waited for instead of being computed again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms something is computed."""

    priority: int
    """Lower numbers come first."""

    deadline: float
    """Monotonic second at which it is known or given up."""

    party: Hashable
    """For whom."""

    documents: int
    """How many are computed together: all are known when the last one is."""

    def suit(self, other: Terms) -> bool:
        """Whether somebody with other terms may wait for this: it comes as early, and ends in time.

        Whoever asks for little does not wait for a batch job that has one of the documents, and nobody has the place of
        a caller that was served more.
        """
        return (
            self.priority <= other.priority
            and self.deadline <= other.deadline
            and self.party == other.party
            and self.documents <= other.documents
        )


class Flights:
    """Who computes what. Whoever began a score says how it ended, be it that nothing came of it."""

    def __init__(self) -> None:
        self._flights: dict[bytes, tuple[Terms, asyncio.Future[bytes | None]]] = {}

    def claim(
        self, keys: Iterable[bytes], terms: Terms
    ) -> tuple[Sequence[bytes], Mapping[bytes, asyncio.Future[bytes | None]]]:
        """Divide keys.

        Args:
            keys: Distinct ones.
            terms: Of who asks.

        Returns:
            Those that whoever asks is to compute and to settle, and those that others compute in time.
        """
        own, others = [], {}
        for key in keys:
            flight = self._flights.get(key)
            if flight is None:
                self._flights[key] = (terms, asyncio.get_running_loop().create_future())
                own.append(key)
            elif flight[0].suit(terms):
                others[key] = flight[1]
            else:
                own.append(key)
        return own, others

    def settle(self, key: bytes, packed: bytes) -> None:
        """Tell a score to whoever waits for it."""
        self._end(key, packed)

    def give_up(self, keys: Collection[bytes], terms: Terms) -> None:
        """Tell those who wait for what was claimed and has not been settled that nothing comes of it."""
        for key in keys:
            flight = self._flights.get(key)
            if flight is not None and flight[0] is terms:
                self._end(key, None)

    def _end(self, key: bytes, packed: bytes | None) -> None:
        flight = self._flights.pop(key, None)
        if flight is not None and not flight[1].done():
            flight[1].set_result(packed)
