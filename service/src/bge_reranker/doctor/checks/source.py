"""The model's source: whether it answers, and opens to these credentials; asked as a fetch asks it first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...errors import RerankerError
from ...store.listing import FetchOptions, list_source
from ...store.source import Source
from ...store.sources.registry import parse_source
from ..finding import Finding, green, red, shown_bytes, yellow
from ..subject import Subject


def look(subject: Subject) -> Iterator[Finding]:
    """Ask the source what it has; nothing is fetched."""
    settings = subject.settings.model
    source = parse_source(settings.source, settings.revision)
    if source is None or source.kind.is_local or source.kind.is_embedded:
        yield green("source", f"{settings.source} is on this machine")
        return
    options = FetchOptions(
        allow_pickle=settings.allow_pickle,
        claims=Path(settings.claims_dir),
        environment=subject.environment,
        # Without this a hub's cache on this machine would answer in its place.
        is_refresh=True,
    )
    problem: RerankerError | None = None
    size_bytes = 0
    try:
        size_bytes = sum(file.size_bytes or 0 for file in list_source(source, options).files)
    except RerankerError as error:
        problem = error
    yield judge(source, problem, size_bytes, has_model=not isinstance(subject.model, RerankerError))


def judge(source: Source, problem: RerankerError | None, size_bytes: int, *, has_model: bool) -> Finding:
    """Judge by whether a fetch would work, and whether one is needed."""
    if problem is None:
        return green("source", f"{source.shown} answers, {shown_bytes(size_bytes)}")
    found = f"{problem.code}: {problem.message.rstrip('.')}"
    if has_model:
        return yellow("source", f"{found}; the model is here already", problem.remedy)
    return red("source", found, problem.remedy)
