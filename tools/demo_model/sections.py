"""Readers that turn documentation files into sections: a title and the prose under it."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree, html

_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_BLOCKS = {"p", "dd", "li"}
_SKIPPED = {"script", "style", "nav", "header", "footer", "aside", "pre", "table", "head"}
_NUMBERING = re.compile(r"^\s*(?:(?:Chapter|Appendix|第)\s*[\dA-Z]+\s*[章节.:：]?|[\dA-Z]{1,2}(?:\.\d+)*\.(?=\s))\s*")
_FONT_ESCAPE = re.compile(r"\\f(?:\[[^\]]*\]|\(..|.)")
_OTHER_ESCAPE = re.compile(r"\\s[-+]?\d|\\\*?\(..|\\\[[^\]]*\]|\\[|^/,&%c0:]")
_MAN_NAME_HEADINGS = {"NAME", "名称", "NAME 名称", "名字"}
_MAN_DESCRIPTION_HEADINGS = {"DESCRIPTION", "描述", "DESCRIPTION 描述", "说明", "总览"}


@dataclass(frozen=True)
class Section:
    """A piece of documentation.

    Attributes:
        title: What the author called it, without numbering.
        paragraphs: Its prose, whitespace collapsed, without sub-sections.
    """

    title: str
    paragraphs: tuple[str, ...]


def read_sections(path: Path, text_format: str) -> Iterator[Section]:
    """Reads one documentation file.

    Args:
        path: An HTML, Mallard or manual page; `.gz` is understood.
        text_format: "html", "mallard" or "man".

    Yields:
        Its sections in document order; none when the file cannot be parsed.
    """
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    if text_format == "man":
        yield from _manual_page(content.decode("utf-8", errors="replace"))
    elif text_format == "mallard":
        yield from _mallard(content)
    else:
        yield from _html(content)


def collapse(text: str) -> str:
    """Joins all whitespace to single blanks and drops the pilcrow that HTML generators put after titles."""
    return " ".join(text.replace("\u00b6", " ").replace("\uf0c1", " ").split())


def _html(content: bytes) -> Iterator[Section]:
    if not content.strip():
        return
    document = html.document_fromstring(content, parser=html.HTMLParser(encoding="utf-8"))
    title = ""
    paragraphs: list[str] = []
    for element in _visible(document):
        if element.tag in _HEADINGS or (element.tag == "p" and element.get("class") == "title"):
            if title and paragraphs:
                yield Section(title, tuple(paragraphs))
            title, paragraphs = _NUMBERING.sub("", collapse(element.text_content())), []
        elif text := collapse(element.text_content()):
            paragraphs.append(text)
    if title and paragraphs:
        yield Section(title, tuple(paragraphs))


def _visible(element: Any) -> Iterator[Any]:  # lxml ships no types
    """Yields headings and innermost text blocks in document order."""
    if not isinstance(element.tag, str) or element.tag in _SKIPPED:
        return
    is_paragraph = element.tag in _BLOCKS or (element.tag == "div" and element.get("class") == "para")
    nested = any(child.tag in _BLOCKS or child.tag in {"ul", "ol", "dl"} for child in element.iterdescendants())
    if element.tag in _HEADINGS or (is_paragraph and not nested):
        yield element
        return
    for child in element:
        yield from _visible(child)


def _mallard(content: bytes) -> Iterator[Section]:
    root = etree.fromstring(content, etree.XMLParser(recover=True, resolve_entities=False, no_network=True))
    if root is None:
        return
    for section in root.iter("{*}page", "{*}section"):
        title = section.find("{*}title")
        if title is None:
            continue
        paragraphs = [
            collapse("".join(block.itertext()))
            for block in section.iter("{*}p")
            if next(block.iterancestors("{*}page", "{*}section")) is section
        ]
        summary = section.find("{*}info/{*}desc")
        if summary is not None:
            paragraphs.insert(0, collapse("".join(summary.itertext())))
        yield Section(collapse("".join(title.itertext())), tuple(text for text in paragraphs if text))


def _manual_page(source: str) -> Iterator[Section]:
    """Yields one section per page: the purpose from its NAME line, the prose of its DESCRIPTION."""
    heading, purpose = "", ""
    lines: list[str] = []
    for line in source.splitlines():
        if line.startswith(".SH"):
            heading = line[3:].strip().strip('"').upper()
        elif heading in _MAN_NAME_HEADINGS and not line.startswith("."):
            purpose += " " + _plain_roff(line)
        elif heading in _MAN_DESCRIPTION_HEADINGS:
            lines.append(_plain_roff(line))
    purpose = collapse(purpose).partition(" - ")[2]
    paragraphs = tuple(text for text in map(collapse, "\n".join(lines).split("\n\n")) if text)
    if purpose and paragraphs:
        yield Section(purpose, paragraphs)


def _plain_roff(line: str) -> str:
    """Drops roff requests and escapes; a paragraph request becomes an empty line."""
    if line.startswith((".PP", ".P", ".LP", ".TP", ".IP", ".sp", ".SS")):
        return "\n"
    if line.startswith((".B", ".I", ".R")):
        line = line.partition(" ")[2].replace('"', "")
    elif line.startswith((".", "'")):
        return ""
    line = _FONT_ESCAPE.sub("", line).replace("\\-", "-").replace("\\ ", " ").replace("\\(aq", "'").replace("\\e", "/")
    return _OTHER_ESCAPE.sub("", line)
