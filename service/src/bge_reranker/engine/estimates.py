"""How far estimated token counts are from what a text turns out to have once it is tokenised."""

from __future__ import annotations

_FIRST_LEAST = 0.25
"""What is taken for the least before anything is known: even long words have no fewer tokens for their letters."""

_MEMORY = 0.95
"""Weight that earlier requests keep with each further one."""


class Estimates:
    """The usual and the least part of their estimates that requests turn out to have."""

    def __init__(self) -> None:
        self._true_tokens = 0.0
        self._estimated_tokens = 0.0
        self._least = _FIRST_LEAST

    @property
    def usual(self) -> float:
        """Tokens for each estimated one; 1 before anything is known."""
        return self._true_tokens / self._estimated_tokens if self._estimated_tokens else 1.0

    @property
    def least(self) -> float:
        """The same of the request that lately stayed furthest below its estimate."""
        return self._least

    def note(self, estimated_tokens: int, true_tokens: int) -> None:
        """Take note of one request."""
        if estimated_tokens <= 0:
            return
        part = true_tokens / estimated_tokens
        is_first = not self._estimated_tokens
        self._true_tokens = self._true_tokens * _MEMORY + true_tokens
        self._estimated_tokens = self._estimated_tokens * _MEMORY + estimated_tokens
        risen = self.usual if is_first else self._least * _MEMORY + self.usual * (1 - _MEMORY)
        self._least = min(part, risen)
