"""Packages: versions that matter, against what this program asks for."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata

from packaging.requirements import Requirement

from ..finding import Finding, green, red, yellow
from ..subject import Subject

_SHOWN = ("bge-reranker", "openvino", "torch", "transformers", "tokenizers", "safetensors", "huggingface-hub")
_RUNTIMES = {"openvino": "cpu", "torch": "torch"}
"""What computes, and the extra that has it."""


def look(_subject: Subject) -> Iterator[Finding]:
    """Read the metadata of what is installed; nothing of it is imported."""
    required = [Requirement(text) for text in metadata.requires("bge-reranker") or ()]
    names = {*_SHOWN, *(requirement.name for requirement in required)}
    return judge(required, {name: version for name in names if (version := _version(name)) is not None})


def judge(required: Sequence[Requirement], installed: Mapping[str, str]) -> Iterator[Finding]:
    """Judge versions by what is asked for, and whether there is anything to compute with."""
    versions = [f"{name} {installed[name]}" for name in _SHOWN if name in installed]
    found = ", ".join([f"Python {platform.python_version()}", *versions])
    wrong = sorted({str(each) for each in _unmet(required, installed)})
    if wrong:
        yield red("packages", found, f"Install again, as the lock has it; not met: {', '.join(wrong)}.")
    elif not _RUNTIMES.keys() & installed.keys():
        extras = " or ".join(f"bge-reranker[{extra}]" for extra in _RUNTIMES.values())
        yield red("packages", f"{found}; nothing that computes", f"Install {extras}.")
    elif "torch" in installed and "transformers" not in installed:
        yield yellow("packages", f"{found}; no transformers", "Install bge-reranker[torch] as a whole.")
    else:
        yield green("packages", found)


def _unmet(required: Sequence[Requirement], installed: Mapping[str, str]) -> Iterator[Requirement]:
    """What is missing though it is always needed, or there in a version that does not fit."""
    for requirement in required:
        is_needed = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        version = installed.get(requirement.name)
        if version is None:
            if is_needed:
                yield requirement
        elif not requirement.specifier.contains(version, prereleases=True):
            yield requirement


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
