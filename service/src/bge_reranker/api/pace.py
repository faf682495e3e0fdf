"""The pace at which large bodies are received, so that whoever sends them leaves the processor to others."""

from __future__ import annotations


class Pace:
    """A rate that several share, in order of arrival.

    Args:
        bytes_per_s: What all of them together may take.
    """

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._free_at_s = 0.0

    def wait_s(self, taken_bytes: int, now_s: float) -> float:
        """Count bytes that somebody took, and tell how many seconds to wait before taking more.

        Args:
            taken_bytes: How many.
            now_s: Seconds, monotonic.
        """
        self._free_at_s = max(self._free_at_s, now_s) + taken_bytes / self._bytes_per_s
        return self._free_at_s - now_s
