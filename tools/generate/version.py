"""The one version of the bundle: pyproject.toml at the top has it, and whatever else bears it is written from there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""Top of the repository."""

SOURCE = "pyproject.toml"
"""The file with the version, in its `[project]`."""

_NUMBER = r"\d+\.\d+\.\d+"
_FIELD = re.compile(rf'^((?:version|appVersion)(?: = "|: )){_NUMBER}("?)$', re.MULTILINE)
"""As a package or a chart declares its own."""

_TAG = re.compile(rf"(\bbge-reranker(?:-operator)?[:-]|\.tar:){_NUMBER}")
"""In the name of an image, or of a file that a release has."""

DECLARING = ("service/pyproject.toml", "operator/pyproject.toml", "charts/bge-reranker/Chart.yaml")
"""What declares a version."""

NAMING = (
    "Makefile",
    "README.md",
    "charts/bge-reranker/README.md",
    "docs/air-gapped.md",
    "docs/quickstart.md",
    "docs/zh/quickstart.md",
    "manifests/single-machine/compose.yaml",
)
"""What names images of this version."""


def version_of(tree: Path = ROOT) -> str:
    """The version of a tree."""
    version: str = tomllib.loads((tree / SOURCE).read_text(encoding="utf-8"))["project"]["version"]
    return version


def declaring(text: str, version: str) -> str:
    """The text of a file that declares a version, with this one."""
    return _FIELD.sub(rf"\g<1>{version}\g<2>", text)


def naming(text: str, version: str) -> str:
    """The text of a file that names images, with those of this version."""
    return _TAG.sub(rf"\g<1>{version}", text)
