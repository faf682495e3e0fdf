"""Which of two media types a client would rather have, by its `Accept` header (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from typing import Final

from ..plain_numbers import plain_number

_HTML: Final = "text/html"
_JSON: Final = "application/json"

Preference = tuple[float, int]
"""Quality, then how exactly the type was named."""


def prefers_html(accept: str) -> bool:
    """Whether HTML is wanted more than JSON, or equally and named more exactly; JSON where nothing tells.

    Probes and client libraries send `*/*` or no such header; browsers name HTML, old ones beside a `*/*` of the same
    quality.

    Args:
        accept: The header, empty where there is none.
    """
    ranges = [_range(part) for part in accept.lower().split(",") if part.strip()]
    html, json = _preference(_HTML, ranges), _preference(_JSON, ranges)
    return html > json and html[0] > 0


def _range(text: str) -> tuple[str, float]:
    """A media range with its quality; one that cannot be read counts as wanted."""
    kind, *parameters = (part.strip() for part in text.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q" and (quality := plain_number(value.strip())) is not None:
            return kind, quality
    return kind, 1.0


def _preference(kind: str, ranges: list[tuple[str, float]]) -> Preference:
    """How much a type is wanted: the most exact range that covers it decides."""
    covering = {"*/*": 0, kind.partition("/")[0] + "/*": 1, kind: 2}
    found = [(covering[name], quality) for name, quality in ranges if name in covering]
    exactness, quality = max(found, default=(-1, 0.0))
    return quality, exactness
