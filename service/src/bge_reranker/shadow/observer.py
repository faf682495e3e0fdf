"""Where it is counted what became of samples."""

from __future__ import annotations

from typing import Protocol

from ..evaluation.comparison import Report
from ..observe.shadow_metrics import SampleOutcome


class ShadowObserver(Protocol):
    """Counts, and shows the means."""

    def sampled(self, outcome: SampleOutcome, count: int = 1) -> None:
        """Count what became of samples."""
        ...

    def compared(self, report: Report, served_s: float, shadow_s: float) -> None:
        """Show the means over all comparisons, with the times of the last one.

        Args:
            report: Of this version so far.
            served_s: Seconds that its caller waited.
            shadow_s: Seconds that the shadow took.
        """
        ...

    def fed(self, digest: str | None) -> None:
        """Show which version is fed; None for none."""
        ...
