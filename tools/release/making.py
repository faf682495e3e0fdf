"""Makes the artefacts of a release: images as OCI layouts, what they hold, where they come from, the chart."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from images.__main__ import TARGETS
from images.container_tool import find_tool
from tests.cluster.commands import run
from tests.cluster.tools import HELM

from .artefacts import Image, manifest_of, size_bytes
from .bill_of_materials import list_contents
from .checkout import Checkout
from .provenance import provenance

RELEASED = ("service", "service-cpu", "tuning", "operator")
"""Images of a release; the end-to-end tests' own is none."""


@dataclass(frozen=True)
class Room:
    """What a release takes of disks at most; what it builds later fits in what the first image left.

    Attributes:
        build_bytes: Where images are built: a large layer is there six times while buildah makes it.
        tree_bytes: Beside the tree: an image as it was exported, and as it came back.
    """

    build_bytes: int
    tree_bytes: int


_WITH_CUDA, _WITHOUT_CUDA = Room(38_000_000_000, 8_000_000_000), Room(4_000_000_000, 1_000_000_000)

_BASE_NAME, _BASE_DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"


@dataclass(frozen=True)
class Workshop:
    """Where a release is made.

    Attributes:
        checkout: The sources, with the registry in the chart.
        folder: Where the artefacts go, dist/VERSION.
        parameters: What `make release` was told.
        commit: The release's.
    """

    checkout: Checkout
    folder: Path
    parameters: Mapping[str, str]
    commit: str

    @property
    def version(self) -> str:
        """What is released."""
        return self.parameters["version"]

    def image(self, target: str, base: str) -> tuple[Image, dict[str, int]]:
        """Build and export one, write its bill of materials and provenance; the second value counts what it holds."""
        began = _now()
        if target == "operator":
            (self.checkout.folder / "build").mkdir(exist_ok=True)
            shutil.copy(HELM.program(), self.checkout.folder / "build" / "helm")
        name = TARGETS[target][1].format(version=self.version)
        repository, _, tag = name.removeprefix("localhost/").partition(":")
        self.checkout.python("images", target, "--tag", f"{name}-release", "--base", base)
        layout = self.layout(target)
        shutil.rmtree(layout, ignore_errors=True)
        layout.parent.mkdir(parents=True, exist_ok=True)
        find_tool().export(f"{name}-release", layout, tag)
        digest, manifest = manifest_of(layout)
        counts = list_contents(layout, repository, tag, self.contents(target))
        annotations = manifest.get("annotations", {})
        known = {"name": annotations.get(_BASE_NAME, ""), "digest": annotations.get(_BASE_DIGEST, "")}
        self._write_provenance(target, began, known if known["digest"] else None)
        return Image(target, repository, tag, digest, size_bytes(manifest)), counts

    def chart(self) -> tuple[Path, str]:
        """Package the chart and say where it comes from; the second value is the package's SHA-256."""
        began = _now()
        chart = self.checkout.folder / "charts" / "bge-reranker"
        run([HELM.program(), "package", chart, f"--destination={self.folder}"])
        package = self.folder / f"bge-reranker-{self.version}.tgz"
        self._write_provenance("chart", began, None)
        return package, hashlib.sha256(package.read_bytes()).hexdigest()

    def layout(self, target: str) -> Path:
        """Where an image lies."""
        return self.folder / "images" / target

    def contents(self, target: str) -> Path:
        """Its bill of materials."""
        return self.folder / f"{target}.cdx.json"

    def origin(self, target: str) -> Path:
        """Its provenance, and the chart's."""
        return self.folder / f"{target}.provenance.json"

    def _write_provenance(self, target: str, began: dt.datetime, base: Mapping[str, str] | None) -> None:
        parameters = {**self.parameters, "target": target}
        predicate = provenance(self.checkout.folder, self.commit, parameters, began, _now(), base)
        self.origin(target).write_text(json.dumps(predicate, indent=2) + "\n", encoding="utf-8")


def room_needed(targets: Iterable[str]) -> Room:
    """What a release of these images takes."""
    return _WITH_CUDA if {"service", "tuning"} & set(targets) else _WITHOUT_CUDA


def values_by_digest(registry: str, images: Mapping[str, Image], scorer: str) -> dict[str, object]:
    """Values that name one scorer's image, and the operator's, by what they are instead of by what they are called."""
    found: dict[str, object] = {"image": {"registry": registry, "digest": images[scorer].digest}}
    if scorer == "service-cpu":
        found["gpu"] = {"count": 0}
    if "operator" in images:
        found["operator"] = {"image": {"digest": images["operator"].digest}}
    return found


def values_name(scorer: str) -> str:
    """The file of such values."""
    return f"values-by-digest-{'cpu' if scorer == 'service-cpu' else 'gpu'}.yaml"


def write_values(folder: Path, registry: str, images: Mapping[str, Image]) -> list[Path]:
    """Such a file for each scorer that is there."""
    written = []
    for scorer in ("service", "service-cpu"):
        if scorer in images:
            path = folder / values_name(scorer)
            values = values_by_digest(registry, images, scorer)
            head = "# The images of this release by digest: helm install ... --values this-file\n"
            path.write_text(head + yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
            written.append(path)
    return written


def _now() -> dt.datetime:
    return dt.datetime.now(tz=dt.UTC)
