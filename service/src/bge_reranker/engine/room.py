"""What requests leave free for those who come before them, and what that cost."""

from __future__ import annotations

from .recent import WINDOW_S, Recent

TOLERATED_LOSS = 1 / 20
"""Part of the last seconds that the scorer may have been idle for want of what was refused, before nothing is kept free
any more; in between, less and less is."""


class KeptRoom:
    """How much of the room is kept: all of it, unless the scorer was idle soon after somebody was refused for it.

    Where there is only little too much work, what is refused now is missed a moment later. Where there is far too much,
    or too little, the room costs nothing.
    """

    def __init__(self) -> None:
        self._refused = Recent()
        self._lost_s = Recent()
        self._counted_until = float("-inf")

    def note_refused(self, tokens: float, now: float) -> None:
        """Count a request that left room and was refused."""
        self._refused.add(tokens, now)

    def note_idle(self, began_at: float, tokens_per_second: float, now: float) -> None:
        """Count the time in which the scorer had nothing to do, as far as what was refused before could have filled it.

        Args:
            began_at: When the last batch ended; what was counted before is not counted again.
            tokens_per_second: Measured rate, above 0.
            now: Time.
        """
        idle_s = now - max(began_at, self._counted_until)
        self._counted_until = now
        lost_s = min(idle_s, self._refused.tokens(now) / tokens_per_second)
        if lost_s > 0:
            self._lost_s.add(lost_s, now)

    def part(self, now: float) -> float:
        """Part of the room that is kept."""
        return max(0.0, 1.0 - self._lost_s.tokens(now) / WINDOW_S / TOLERATED_LOSS)
