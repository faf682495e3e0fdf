"""Replacing the part of a hand-written file that lies between two markers."""

from __future__ import annotations


def replace_section(text: str, name: str, content: str) -> str:
    """Put content between `<!-- generated: NAME -->` and `<!-- end: NAME -->`.

    Args:
        text: The whole file.
        name: Name in the markers.
        content: What goes between them.

    Raises:
        ValueError: If the markers are not there once each.
    """
    begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"the markers {begin} and {end} must be there once each")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{content}\n{end}{after}"
