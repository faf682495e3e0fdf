"""Links between the Markdown files of the tree, which have to lead somewhere in the tree itself and in the site."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

_FENCED = re.compile(r"^(`{3,}).*?^\1$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`)(?:(?!\n\n).)+?(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"(?<=\]\()([^()\s]+)(?=\))")
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")


@dataclass(frozen=True)
class Link:
    """A link to another file, or to a heading of the same one.

    Attributes:
        page: The file that it stands in.
        target: What stands between the parentheses.
    """

    page: Path
    target: str

    @property
    def is_local(self) -> bool:
        """Whether it leads to a file rather than to an address."""
        return not _SCHEME.match(self.target)

    @property
    def file(self) -> Path:
        """The file that it leads to."""
        name = unquote(self.target.partition("#")[0])
        return (self.page.parent / name).resolve() if name else self.page

    @property
    def anchor(self) -> str:
        """The heading's anchor; empty for the whole file."""
        return unquote(self.target.partition("#")[2])


def links(page: Path) -> Iterator[Link]:
    """The links of a page, in order; what looks like one in code is none."""
    text = _without_code(page.read_text(encoding="utf-8"))
    return (Link(page, match[1]) for match in _LINK.finditer(text))


def rewrite(page: Path, replacement: Callable[[Link], str]) -> str:
    """The text of a page with other targets in its links."""
    text = page.read_text(encoding="utf-8")
    parts, end = [], 0
    for match in _LINK.finditer(_without_code(text)):
        parts += [text[end : match.start()], replacement(Link(page, match[1]))]
        end = match.end()
    return "".join([*parts, text[end:]])


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    found: set[str] = set()
    for heading in _HEADING.findall(text):
        slug = _slug(heading)
        number = 1
        while slug in found:
            slug = f"{_slug(heading)}-{number}"
            number += 1
        found.add(slug)
    return found


def dead_links(pages: list[Path], root: Path) -> list[str]:
    """A sentence for each link that leads nowhere.

    Args:
        pages: The Markdown files to look at.
        root: Top of the repository, which links must not leave.
    """
    return [
        f"{page.relative_to(root)}: {link.target} {complaint}"
        for page in pages
        for link in links(page)
        if link.is_local and (complaint := _complaint(link, root))
    ]


def _complaint(link: Link, root: Path) -> str:
    if not link.file.is_relative_to(root):
        return "leaves the repository"
    if not link.file.is_file():
        return "is no file"
    if link.anchor and link.file.suffix == ".md" and link.anchor not in anchors(link.file):
        return "is no heading"
    return ""


def _slug(heading: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def _without_code(text: str) -> str:
    """The text with blanks in the place of code, so that positions stay."""
    return _CODE.sub(_blanks, _FENCED.sub(_blanks, text))


def _blanks(match: re.Match[str]) -> str:
    return re.sub(r"\S", " ", match[0])
