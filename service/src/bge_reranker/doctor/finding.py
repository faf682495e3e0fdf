"""What an examination finds: one line of its table each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

_GIGABYTE = 10**9


class Verdict(IntEnum):
    """How bad it is; the number is the exit code."""

    GREEN = 0
    YELLOW = 1
    """It works, but not as well as it could, or not for long."""
    RED = 2
    """The server will not start or not serve."""

    @property
    def word(self) -> str:
        """As people read it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    verdict: Verdict
    found: str
    """What is there, in a sentence without its end."""
    remedy: str = ""
    """What to do about it; empty where nothing has to be done."""

    def as_json(self) -> dict[str, str]:
        """For programs."""
        return {"check": self.check, "verdict": self.verdict.word, "found": self.found, "remedy": self.remedy}


def worst(findings: Iterable[Finding]) -> Verdict:
    """The verdict on all of them together."""
    return max((finding.verdict for finding in findings), default=Verdict.GREEN)


def green(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.GREEN, found)


def yellow(check: str, found: str, remedy: str) -> Finding:
    """It works, with a caveat."""
    return Finding(check, Verdict.YELLOW, found, remedy)


def red(check: str, found: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(check, Verdict.RED, found, remedy)


def shown_bytes(count: float) -> str:
    """A number of bytes for people, decimal as disks and GPUs are sold."""
    return f"{count / 1e9:.1f} GB" if count >= _GIGABYTE / 2 else f"{count / 1e6:.0f} MB"
