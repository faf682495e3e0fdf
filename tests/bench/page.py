"""Sections of docs/benchmarks.md that commands write; everything else on the page is written by hand."""

from __future__ import annotations

from pathlib import Path


def replace_section(docs: Path, name: str, text: str) -> None:
    """Put a section in the place of its former text, or at the page's end where it is new.

    Args:
        docs: Folder of the page.
        name: What its marks call it.
        text: Markdown.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    file = docs / "benchmarks.md"
    page = file.read_text(encoding="utf-8")
    if begin not in page:
        page += f"\n{begin}\n{end}\n"
    before, rest = page.split(begin)
    file.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}", encoding="utf-8")
