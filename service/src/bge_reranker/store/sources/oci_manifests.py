"""Manifests of images and their indexes, as a registry gives them: nothing of them is trusted but their digest."""

from __future__ import annotations

import hashlib
import platform
from typing import Annotated, TypeVar

import msgspec

from ...errors import CorruptFile, DigestMismatch, UnknownModel
from ..manifest import MAX_FILE_BYTES

INDEX_TYPES = frozenset(
    {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    }
)
IMAGE_TYPES = frozenset(
    {
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    }
)
_LAYER_TYPES = frozenset(
    {
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
    }
)

MAX_MANIFEST_BYTES = 4_194_304
"""Most bytes of a manifest; what registries themselves accept."""

_MAX_LAYERS = 128
"""More layers than this no runtime mounts."""

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "AMD64": "amd64"}
_NO_PLATFORM = "unknown"
"""What builders write where an entry of an index is no image: signatures, bills of materials."""


class Platform(msgspec.Struct):
    """What an image of an index runs on; weights run on nothing, so any will do."""

    architecture: str = ""
    os: str = ""


class Descriptor(msgspec.Struct, rename="camel"):
    """What lies under a digest."""

    media_type: str
    digest: Annotated[str, msgspec.Meta(pattern="^sha256:[0-9a-f]{64}$")]
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_FILE_BYTES)]
    platform: Platform | None = None

    @property
    def sha256(self) -> str:
        """The digest's 64 hex digits."""
        return self.digest.removeprefix("sha256:")


class ImageManifest(msgspec.Struct):
    """An image as far as a model needs it."""

    layers: Annotated[list[Descriptor], msgspec.Meta(max_length=_MAX_LAYERS)]
    """The lowest one first."""
    config: Descriptor | None = None
    annotations: dict[str, str] | None = None

    @property
    def licence(self) -> str | None:
        """What it says of its licence."""
        return (self.annotations or {}).get("org.opencontainers.image.licenses")


class ImageIndex(msgspec.Struct):
    """The images of several platforms under one name."""

    manifests: list[Descriptor]


_Decoded = TypeVar("_Decoded", ImageManifest, ImageIndex)


def digest_of(body: bytes) -> str:
    """What a registry calls these bytes."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def refuse_other_bytes(body: bytes, digest: str, what: str) -> None:
    """Refuse a manifest that is not the one that was asked for.

    Raises:
        DigestMismatch: If it is another.
    """
    if (found := digest_of(body)) != digest:
        raise DigestMismatch(
            f"{what}: the registry was asked for {digest} and sent {found}.",
            remedy="Fetch it again; if it happens twice, a proxy alters it or the registry is damaged.",
            figures={"expected": digest, "found": found},
        )


def image_manifest(body: bytes, what: str) -> ImageManifest:
    """Read the manifest of an image.

    Raises:
        CorruptFile: If it is none, or has a layer that is no archive.
    """
    manifest = _decoded(body, ImageManifest, what)
    for layer in manifest.layers:
        if layer.media_type not in _LAYER_TYPES:
            raise CorruptFile(
                f"{what} has a layer of the type {layer.media_type[:100]}, which is no archive of files.",
                remedy="Push an image, as `bge-reranker model pack --push` makes it.",
            )
    if not manifest.layers:
        raise CorruptFile(f"{what} has no layers.", remedy="Push an image that has the model's files.")
    return manifest


def image_of(body: bytes, what: str) -> Descriptor:
    """The image of an index that is meant for this machine, or the only one.

    Raises:
        CorruptFile: If it is no index.
        UnknownModel: If none of its images can be chosen.
    """
    images = [
        entry
        for entry in _decoded(body, ImageIndex, what).manifests
        if entry.media_type in IMAGE_TYPES and (entry.platform is None or entry.platform.os != _NO_PLATFORM)
    ]
    machine = _MACHINES.get(platform.machine(), platform.machine())
    fitting = [image for image in images if image.platform is not None and image.platform.architecture == machine]
    if len(images) != 1 and not fitting:
        raise UnknownModel(
            f"{what} is an index of {len(images)} images, none of them for {machine}.",
            remedy="Give the digest of the image itself.",
        )
    return (fitting or images)[0]


def _decoded(body: bytes, kind: type[_Decoded], what: str) -> _Decoded:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise CorruptFile(
            f"{what} has no manifest of an image: {error}.", remedy="Push the image again, or correct the address."
        ) from error
