"""Putting an image that lies in OCI's layout into a registry. Needs the extra `oci`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from oras.utils import append_url_params

from ...errors import CorruptFile, HubUnreachable
from ..source import Source
from ..tries import MAX_TRIES, wait_s
from .oci_client import RegistryClient
from .oci_manifests import Descriptor, image_manifest

_BYTES = "application/octet-stream"


def push_layout(
    layout: Path, target: Source, tag: str, environment: Mapping[str, str], pause: Callable[[float], object]
) -> str:
    """Send the one image of a layout; what the registry has already is not sent again.

    Args:
        layout: A folder that `write_oci_layout` wrote.
        target: The repository.
        tag: What the image is called there.
        environment: Where credentials are.
        pause: Waits so many seconds between two tries.

    Returns:
        The image's digest.

    Raises:
        UnknownModel: If the registry takes no such repository.
        Gated: If credentials are missing or insufficient.
        HubUnreachable: If the registry does not answer.
        CorruptFile: If the registry says that it received something else.
        SettingsError: If a file of credentials cannot be used.
    """
    client = RegistryClient(target.location, environment)
    index = json.loads((layout / "index.json").read_text(encoding="utf-8"))
    described = index["manifests"][0]
    body = _blob(layout, described["digest"]).read_bytes()
    manifest = image_manifest(body, str(layout))
    for descriptor in filter(None, (manifest.config, *manifest.layers)):
        _again(partial(_send_blob, client, layout, descriptor), pause)
    _again(partial(_send_manifest, client, tag, described["mediaType"], body, described["digest"]), pause)
    return str(described["digest"])


def _again(send: Callable[[], None], pause: Callable[[float], object]) -> None:
    tries = 0
    while True:
        try:
            return send()
        except HubUnreachable as error:
            tries += 1
            if tries >= MAX_TRIES:
                raise
            pause(wait_s(error, tries))


def _send_blob(client: RegistryClient, layout: Path, descriptor: Descriptor) -> None:
    """Send a blob in one piece, which every registry takes; read from the disk as it goes."""
    with client.refusals():
        if client.blob_exists({"digest": descriptor.digest}, client.container):
            return
        begun = client.do_request(f"{client.address}/blobs/uploads/", "POST", headers={"Content-Type": _BYTES})
        client.refuse_failure(begun)
        place = client._get_location(begun, client.container)  # noqa: SLF001 - for those who extend it
        if not place:
            raise HubUnreachable(f"{client.api_host} did not say where to send {descriptor.digest}.")
        with _blob(layout, descriptor.digest).open("rb") as file:
            sent = client.do_request(
                append_url_params(place, {"digest": descriptor.digest}),
                "PUT",
                data=file,
                headers={"Content-Type": _BYTES, "Content-Length": str(descriptor.size)},
            )
        client.refuse_failure(sent)


def _send_manifest(client: RegistryClient, tag: str, media_type: str, body: bytes, digest: str) -> None:
    with client.refusals():
        sent = client.do_request(
            f"{client.address}/manifests/{tag}", "PUT", data=body, headers={"Content-Type": media_type}
        )
    client.refuse_failure(sent)
    found = sent.headers.get("Docker-Content-Digest", digest)
    if found != digest:
        raise CorruptFile(f"{client.shown}: {digest} was sent, and the registry has {found}.", remedy="Push it again.")


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / "sha256" / digest.removeprefix("sha256:")
