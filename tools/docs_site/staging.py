"""What the site is built from: docs/, pages that lie elsewhere in the tree, and the files that they link to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path, PurePosixPath

from .links import Link, rewrite

ROOT = Path(__file__).resolve().parents[2]
"""Top of the repository."""

DOCS = ROOT / "docs"

ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "SECURITY.md": "security-policy.md",
    "charts/bge-reranker/README.md": "chart.md",
    "service/src/bge_reranker/demo/model/README.md": "demo-model.md",
}
"""Pages outside docs/, and what the site calls them."""

FILES = PurePosixPath("files")
"""Folder of the site for other files of the tree that pages link to."""


def markdown_pages() -> list[Path]:
    """Every Markdown file that the site shows."""
    return sorted([*DOCS.rglob("*.md"), *(ROOT / name for name in ELSEWHERE)])


def stage(folder: Path) -> None:
    """Write the sources of the site.

    Args:
        folder: Where to; what is there is removed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, folder, ignore=shutil.ignore_patterns("*.md"))
    shutil.copy(Path(__file__).with_name("site.css"), folder)
    for page in markdown_pages():
        target = folder / _place(page)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(rewrite(page, lambda link: _target(link, folder)), encoding="utf-8")


def _place(file: Path) -> PurePosixPath:
    """Where a file of the tree is in the site."""
    name = file.relative_to(ROOT).as_posix()
    if name in ELSEWHERE:
        return PurePosixPath(ELSEWHERE[name])
    if file.is_relative_to(DOCS):
        return PurePosixPath(file.relative_to(DOCS).as_posix())
    return FILES / name


def _target(link: Link, folder: Path) -> str:
    """The same target as seen in the site; a file that only the tree has is brought along."""
    if not link.is_local or link.file == link.page:
        return link.target
    place = _place(link.file)
    if place.is_relative_to(FILES):
        copy = folder / place
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(link.file, copy)
    path = os.path.relpath(place, _place(link.page).parent)
    return f"{path}#{link.anchor}" if link.anchor else path
