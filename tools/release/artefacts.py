"""What a release consists of, and the record of it that lies in dist/VERSION."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

RECORD = "release.json"
CHART_REPOSITORY = "charts/bge-reranker"
"""Beside the images: `bge-reranker:VERSION` is the name of one."""


@dataclass(frozen=True)
class Image:
    """One image of a release.

    Attributes:
        target: Its stage of the Dockerfile.
        repository: Its name in the registry.
        tag: Likewise.
        digest: Of its manifest.
        size_bytes: What a registry keeps of it.
    """

    target: str
    repository: str
    tag: str
    digest: str
    size_bytes: int


@dataclass(frozen=True)
class Chart:
    """The chart of a release.

    Attributes:
        version: Its tag, too.
        digest: Of its manifest.
        sha256: Of the package, the file that Helm makes.
    """

    version: str
    digest: str
    sha256: str

    @property
    def package(self) -> str:
        """The file's name."""
        return f"bge-reranker-{self.version}.tgz"


@dataclass(frozen=True)
class Record:
    """Everything that somebody who has the public key needs to find and compare a release."""

    version: str
    commit: str
    registry: str
    images: tuple[Image, ...]
    chart: Chart

    def write(self, folder: Path) -> None:
        """Into the folder of the release."""
        text = json.dumps(dataclasses.asdict(self), indent=2)
        (folder / RECORD).write_text(f"{text}\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Record:
        """From there.

        Raises:
            click.ClickException: There is none.
        """
        path = folder / RECORD
        if not path.exists():
            raise click.ClickException(f"{path} is missing: `make release` writes it; bundle where that was run.")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        images = tuple(Image(**each) for each in found.pop("images"))
        return cls(**{**found, "images": images, "chart": Chart(**found.pop("chart"))})


def manifest_of(layout: Path) -> tuple[str, dict[str, Any]]:
    """Digest and manifest of the one image of a folder."""
    (entry,) = json.loads((layout / "index.json").read_text(encoding="utf-8"))["manifests"]
    manifest: dict[str, Any] = json.loads(blob(layout, entry["digest"]).read_text(encoding="utf-8"))
    return str(entry["digest"]), manifest


def blob(layout: Path, digest: str) -> Path:
    """Where a folder has a blob."""
    algorithm, _, value = digest.partition(":")
    return layout / "blobs" / algorithm / value


def size_bytes(manifest: dict[str, Any]) -> int:
    """Bytes of an image's layers and configuration."""
    parts = [manifest["config"], *manifest["layers"]]
    return sum(int(part["size"]) for part in parts)
