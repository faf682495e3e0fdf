"""What the built site must be: every link leads somewhere, and nothing in it needs a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from typing_extensions import override

_LOADED = {
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "img": "src",
    "link": "href",
    "object": "data",
    "script": "src",
    "source": "src",
    "video": "src",
}
"""Elements for which a browser loads something, and the attribute that says what."""

_CSS_ADDRESS = re.compile(r"(?:@import\s+|url\()[\"']?((?:https?:)?//[^\"')\s]+)")


class _Page(HTMLParser):
    """The addresses and anchors of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors.update(given[name] for name in ("id", "name") if name in given)
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if (attribute := _LOADED.get(tag, "")) in given and not _is_a_mere_statement(tag, given):
            self.loaded.append(given[attribute])


def complaints(site: Path) -> list[str]:
    """A sentence for each dead link, and for each thing that a browser would load from elsewhere."""
    pages = {file: _Page(file.read_text(encoding="utf-8")) for file in sorted(site.rglob("*.html"))}
    found = [
        f"{file.relative_to(site)}: {text}" for file, page in pages.items() for text in _of_page(site, file, pages)
    ]
    sheets = ((sheet, sheet.read_text(encoding="utf-8")) for sheet in sorted(site.rglob("*.css")))
    return found + [
        f"{sheet.relative_to(site)}: loads {address}"
        for sheet, text in sheets
        for address in _CSS_ADDRESS.findall(text)
    ]


def _of_page(site: Path, file: Path, pages: dict[Path, _Page]) -> Iterator[str]:
    page = pages[file]
    for address in page.loaded:
        if urlsplit(address).netloc:
            yield f"loads {address}"
        elif not _file(site, file, address).exists():
            yield f"loads {address}, which is not there"
    for address in page.links:
        if urlsplit(address).scheme or urlsplit(address).netloc:
            continue
        target, anchor = _file(site, file, address), unquote(urlsplit(address).fragment)
        if not target.exists():
            yield f"links to {address}, which is not there"
        elif anchor and target in pages and anchor not in pages[target].anchors:
            yield f"links to {address}, which has no such heading"


def _file(site: Path, page: Path, address: str) -> Path:
    path = unquote(urlsplit(address).path)
    if not path:
        return page
    target = (site / path.lstrip("/") if path.startswith("/") else page.parent / path).resolve()
    return target / "index.html" if target.is_dir() else target


def _is_a_mere_statement(tag: str, given: dict[str, str]) -> bool:
    """Whether a `link` says where something is without having it loaded."""
    return tag == "link" and not {"stylesheet", "icon", "preload", "preconnect", "modulepreload"} & set(
        given.get("rel", "").split()
    )
