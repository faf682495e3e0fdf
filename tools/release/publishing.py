"""Publishes the artefacts of a release; each is pulled back and verified by the public key.

Images get their tags last. Until then a release that fails has left nothing that anybody finds by its name.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml

from tests.cluster.commands import run
from tests.cluster.tools import HELM

from .artefacts import CHART_REPOSITORY, Chart, Image, blob
from .making import Workshop
from .registry import Registry
from .signing import BILL_OF_MATERIALS, PROVENANCE, Signer, Verifier


@dataclass(frozen=True)
class Publisher:
    """Whoever may write to the registry and sign."""

    workshop: Workshop
    registry: Registry
    signer: Signer
    verifier: Verifier

    def image(self, image: Image) -> None:
        """Push, sign, attest, and verify what comes back."""
        reference = self.registry.at(image.repository, image.digest)
        self.registry.push(self.workshop.layout(image.target), image.digest, image.repository)
        self.signer.sign(reference)
        self.signer.attest(reference, BILL_OF_MATERIALS, self.workshop.contents(image.target))
        self.signer.attest(reference, PROVENANCE, self.workshop.origin(image.target))
        self._verify_image(image, reference)

    def chart(self, package: Path, sha256: str) -> Chart:
        """Likewise the chart, which Helm pushes with its tag."""
        where = f"oci://{self.registry.address}/{CHART_REPOSITORY.rpartition('/')[0]}"
        run([HELM.program(), "push", package, where, *self._helm_http()])
        digest = self.registry.tagged(CHART_REPOSITORY, self.workshop.version)
        if digest is None:
            raise click.ClickException(f"The registry has no {CHART_REPOSITORY} after it was pushed.")
        chart = Chart(self.workshop.version, digest, sha256)
        reference = self.registry.at(CHART_REPOSITORY, digest)
        self.signer.sign(reference)
        self.signer.attest(reference, PROVENANCE, self.workshop.origin("chart"))
        self.verifier.signature(reference)
        self._compare_origin("chart", reference)
        return chart

    def verify_chart(self, chart: Chart, images: Mapping[str, Image], values: list[Path]) -> None:
        """Pull the chart, compare it, and render it with the images' digests.

        Raises:
            click.ClickException: It is another, or names other images.
        """
        with tempfile.TemporaryDirectory() as folder:
            where = f"oci://{self.registry.address}/{CHART_REPOSITORY}"
            run(
                [
                    HELM.program(),
                    "pull",
                    where,
                    f"--version={chart.version}",
                    f"--destination={folder}",
                    *self._helm_http(),
                ]
            )
            package = Path(folder) / chart.package
            if hashlib.sha256(package.read_bytes()).hexdigest() != chart.sha256:
                raise click.ClickException(f"The chart that comes back from {where} is not the one that was pushed.")
            released = {self.registry.at(image.repository, image.digest) for image in images.values()}
            for file in values:
                named = images_named_by(package, file)
                if not named <= released:
                    strangers = ", ".join(sorted(named - released))
                    raise click.ClickException(
                        f"With {file.name} the chart names {strangers}: no image of this release."
                    )

    def _verify_image(self, image: Image, reference: str) -> None:
        with tempfile.TemporaryDirectory(dir=self.workshop.folder) as folder:
            pulled = Path(folder) / image.target
            self.registry.pull(image.repository, image.digest, pulled, image.tag)
            compare_blobs(pulled, image.digest)
        self.verifier.signature(reference)
        listed = self.verifier.attestation(reference, BILL_OF_MATERIALS)
        made = json.loads(self.workshop.contents(image.target).read_text(encoding="utf-8"))
        if listed != made:
            raise click.ClickException(f"The bill of materials that {reference} carries is not the one that was made.")
        self._compare_origin(image.target, reference)

    def _compare_origin(self, target: str, reference: str) -> None:
        stated = self.verifier.attestation(reference, PROVENANCE)
        made = json.loads(self.workshop.origin(target).read_text(encoding="utf-8"))
        if commit_in(stated) != commit_in(made) or commit_in(made) != self.workshop.commit:
            raise click.ClickException(f"The provenance that {reference} carries names another commit.")

    def _helm_http(self) -> list[str]:
        return ["--plain-http"] if self.registry.plain_http else []


def commit_in(predicate: dict[str, Any]) -> str:
    """The commit that a provenance names."""
    dependencies = predicate["buildDefinition"]["resolvedDependencies"]
    return next(str(each["digest"]["gitCommit"]) for each in dependencies if "gitCommit" in each["digest"])


def compare_blobs(layout: Path, digest: str) -> None:
    """Hash every part of an image again, beginning with its manifest.

    Raises:
        click.ClickException: One is missing or is not what its name says.
    """
    manifest = _hashed(layout, digest)
    parts = json.loads(manifest.read_text(encoding="utf-8"))
    for part in (parts["config"], *parts["layers"]):
        _hashed(layout, part["digest"])


def images_named_by(package: Path, values: Path) -> set[str]:
    """The images of all pods that a chart renders to, hooks and operator included."""
    rendered = run([HELM.program(), "template", "demo", package, f"--values={values}", "--namespace=search"])
    return {image for document in yaml.safe_load_all(rendered) for image in _images(document)}


def _images(node: Any) -> list[str]:
    """Every container's, however deep."""
    if isinstance(node, list):
        return [image for each in node for image in _images(each)]
    if not isinstance(node, dict):
        return []
    containers = [each for key in ("containers", "initContainers") for each in node.get(key) or ()]
    found = [str(each["image"]) for each in containers if isinstance(each, dict) and "image" in each]
    return found + [image for value in node.values() for image in _images(value)]


def _hashed(layout: Path, digest: str) -> Path:
    path = blob(layout, digest)
    if not path.exists():
        raise click.ClickException(f"{layout.name} lacks {digest}.")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if f"sha256:{found}" != digest:
        raise click.ClickException(f"{path.name} of {layout.name} has the digest {found}: it was changed.")
    return path


def clear(folder: Path) -> None:
    """An empty folder for a release; what an unfinished one left goes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
