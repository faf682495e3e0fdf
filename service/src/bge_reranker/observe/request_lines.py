"""How many lines the log has on requests: all of them, until there are too many a second to be read or paid for."""

from __future__ import annotations

from collections.abc import Callable


class RequestLines:
    """Lets so many lines a second pass; those on requests that the server failed have as many of their own.

    Args:
        most_per_s: Most lines a second of either kind.
        on_skipped: Called for each line that is left out.
    """

    def __init__(self, most_per_s: int, on_skipped: Callable[[], None]) -> None:
        self._ordinary = _Second(most_per_s)
        self._failed = _Second(most_per_s)
        self._on_skipped = on_skipped

    def admit(self, now: float, *, has_failed: bool) -> int | None:
        """Ask for a line.

        Args:
            now: Seconds, monotonic.
            has_failed: Whether the server failed the request.

        Returns:
            How many of the kind were left out since the last; None where this one is left out too.
        """
        skipped = (self._failed if has_failed else self._ordinary).admit(now)
        if skipped is None:
            self._on_skipped()
        return skipped


class _Second:
    """Counts the lines of the current second."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._began = float("-inf")
        self._lines = 0
        self._skipped = 0

    def admit(self, now: float) -> int | None:
        if not 0 <= now - self._began < 1:
            self._began, self._lines = now, 0
        if self._lines >= self._most:
            self._skipped += 1
            return None
        self._lines += 1
        skipped, self._skipped = self._skipped, 0
        return skipped
