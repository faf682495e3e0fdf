"""`make bundle`: one archive with all that a site without a network needs, taken from the registry and verified.

Every image lies in an archive of its own that containerd and podman import, and that oras pushes with its signatures.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import click

from tests.cluster.tools import COSIGN, HELM, ORAS

from .artefacts import CHART_REPOSITORY, RECORD, Record, blob
from .publishing import compare_blobs
from .refusals import disk_has_room
from .registry import Registry, is_local
from .signing import BILL_OF_MATERIALS, PROVENANCE, Signer, Verifier

SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sigstore.json"
PUBLIC_KEY = "cosign.pub"
_PROGRAMS_BYTES = 1_000_000_000
"""Generously what a bundle holds beside images."""
_IMAGE_NAME, _REF_NAME = "io.containerd.image.name", "org.opencontainers.image.ref.name"


@dataclass(frozen=True)
class Bundler:
    """Who gathers a release.

    Attributes:
        tree: The repository in which it was made.
        version: Which.
        key: The private key that signed it.
        plain_http: Whether the registry has no TLS.
    """

    tree: Path
    version: str
    key: str
    plain_http: bool = False

    @property
    def released(self) -> Path:
        """What `make release` left."""
        return self.tree / "dist" / self.version

    def gather(self, step: Callable[[str], AbstractContextManager[None]]) -> Path:
        """Make the archive; gives its path.

        Raises:
            click.ClickException: There is no such release here, or it is another's key.
            ClusterError: What the registry has is not what was signed.
        """
        record = Record.read(self.released)
        signer = Signer(self.key)
        if signer.public_key() != (self.released / PUBLIC_KEY).read_text(encoding="utf-8"):
            raise click.ClickException(f"KEY is {self.key}, which did not sign {self.version}.")
        disk_has_room(self.tree, bytes_needed(record), f"the bundle of {self.version}")
        name = f"bge-reranker-{self.version}-bundle"
        archive, unfinished = self.tree / "dist" / f"{name}.tar", self.tree / "dist" / f"{name}.tar.part"
        with tempfile.TemporaryDirectory(dir=self.released) as parent, tarfile.open(unfinished, "w") as tar:
            bundle, folder = Bundle(tar, f"{name}/"), Path(parent)
            for each in _artefacts(record):
                with step(f"Pull, verify and pack {each.file}"):
                    self._pack(record, each, folder / "packed.tar")
                    bundle.take(folder / "packed.tar", each.file)
            self._copy_files(record, folder)
            for path in _files(folder):
                bundle.take(path, str(path.relative_to(folder)))
            (folder / SUMS).write_text(bundle.sums(), encoding="utf-8")
            signer.sign_file(folder / SUMS, folder / SIGNATURE)
            for file in (SUMS, SIGNATURE):
                bundle.take(folder / file, file)
        return unfinished.rename(archive)

    def _pack(self, record: Record, artefact: Artefact, archive: Path) -> None:
        registry = Registry(record.registry, plain_http=self.plain_http or is_local(record.registry))
        verifier = Verifier(self.released / PUBLIC_KEY, plain_http=registry.plain_http)
        reference = registry.at(artefact.repository, artefact.digest)
        verifier.signature(reference)
        verifier.attestation(reference, PROVENANCE)
        if artefact.is_image:
            verifier.attestation(reference, BILL_OF_MATERIALS)
        with tempfile.TemporaryDirectory(dir=archive.parent) as parent:
            layout = Path(parent) / "layout"
            registry.pull(artefact.repository, artefact.digest, layout, artefact.tag)
            compare_blobs(layout, artefact.digest)
            if artefact.is_image:
                name_image(layout, artefact.digest, f"{record.registry}/{artefact.repository}:{artefact.tag}")
            elif not _has_layer(layout, artefact.digest, record.chart.sha256):
                raise click.ClickException("The chart in the registry is not the package that was released.")
            _tar(layout, archive)

    def _copy_files(self, record: Record, folder: Path) -> None:
        for path in sorted(self.released.iterdir()):
            if path.is_file():
                shutil.copy(path, folder / path.name)
        shutil.copytree(self.released / "manifests", folder / "manifests")
        with tarfile.open(self.released / record.chart.package) as package:
            for member in package.getmembers():
                if "/crds/" in member.name:
                    member.name = f"crds/{Path(member.name).name}"
                    package.extract(member, folder, filter="data")
        (folder / "programs").mkdir()
        for program in (COSIGN.program(), HELM.program(), ORAS.program()):
            shutil.copy(program, folder / "programs")
        shutil.copy(self.tree / "docs" / "air-gapped.md", folder / "README.md")


@dataclass(frozen=True)
class Bundle:
    """The archive while it is written, one file after the other.

    Attributes:
        tar: Open for writing.
        prefix: The folder that it unpacks to.
    """

    tar: tarfile.TarFile
    prefix: str
    _digests: dict[str, str] = field(default_factory=dict)

    def take(self, path: Path, name: str) -> None:
        """Take a file in, which is gone from its folder then."""
        self._digests[name] = _digest(path)
        _add(self.tar, path, f"{self.prefix}{name}")
        path.unlink()

    def sums(self) -> str:
        """The list of checksums, as sha256sum reads it."""
        return "".join(f"{digest}  {name}\n" for name, digest in sorted(self._digests.items()))


@dataclass(frozen=True)
class Artefact:
    """What has an archive of its own in the bundle."""

    file: str
    repository: str
    tag: str
    digest: str
    is_image: bool


def _artefacts(record: Record) -> list[Artefact]:
    images = [
        Artefact(f"images/{each.target}.tar", each.repository, each.tag, each.digest, is_image=True)
        for each in record.images
    ]
    chart = record.chart
    return [*images, Artefact("chart.tar", CHART_REPOSITORY, chart.version, chart.digest, is_image=False)]


def name_image(layout: Path, digest: str, name: str) -> None:
    """Have containerd call the image of a folder as the registry does; oras goes by its tag."""
    path = layout / "index.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    for entry in index["manifests"]:
        if entry["digest"] == digest and _REF_NAME in entry.get("annotations", {}):
            entry["annotations"][_IMAGE_NAME] = name
    path.write_text(json.dumps(index), encoding="utf-8")


def bytes_needed(record: Record) -> int:
    """The archive, and beside it the largest image once more while that is packed."""
    sizes = [image.size_bytes for image in record.images]
    return sum(sizes) + max(sizes) + _PROGRAMS_BYTES


def verify_bundle(archive: Path, public_key: Path) -> Record:
    """Read an archive as a site would: the signature of the list, and each file beside it; gives its record.

    Raises:
        ClusterError: The list is not what the key's owner signed.
        click.ClickException: A file is missing, is another, or is not on the list.
    """
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as parent, tarfile.open(archive) as bundle:
        for member in bundle:
            name = member.name.partition("/")[2]
            if name in {SUMS, SIGNATURE, RECORD}:
                member.name = name
                bundle.extract(member, parent, filter="data")
            elif (content := bundle.extractfile(member)) is not None:
                found[name] = _digest_of(content)
        folder = Path(parent)
        for name in (SUMS, SIGNATURE, RECORD):
            if not (folder / name).exists():
                raise click.ClickException(f"{archive.name} has no {name}: it is no bundle, or was cut off.")
        Verifier(public_key).file(folder / SUMS, folder / SIGNATURE)
        found[RECORD] = _digest(folder / RECORD)
        compare_sums((folder / SUMS).read_text(encoding="utf-8"), found)
        return Record.read(folder)


def compare_sums(listed: str, found: dict[str, str]) -> None:
    """Compare the list with what is there.

    Raises:
        click.ClickException: The first file that differs.
    """
    wanted = {name: digest for digest, _, name in (line.partition("  ") for line in listed.splitlines())}
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            raise click.ClickException(f"The bundle lacks {name}.")
        if name not in wanted:
            raise click.ClickException(f"The bundle has {name}, which {SUMS} does not list.")
        if found[name] != wanted[name]:
            raise click.ClickException(f"{name} of the bundle was changed: its SHA-256 is {found[name]}.")


def _has_layer(layout: Path, digest: str, sha256: str) -> bool:
    manifest: dict[str, Any] = json.loads(blob(layout, digest).read_text(encoding="utf-8"))
    return any(layer["digest"] == f"sha256:{sha256}" for layer in manifest["layers"])


def _tar(folder: Path, archive: Path) -> None:
    """An archive of a folder's files in their order."""
    with tarfile.open(archive, "w") as tar:
        for path in _files(folder):
            _add(tar, path, str(path.relative_to(folder)))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    """A file, without its time and owner."""
    entry = tar.gettarinfo(path, name)
    entry.mtime = entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    with path.open("rb") as content:
        tar.addfile(entry, content)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return _digest_of(file)


def _digest_of(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := content.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
