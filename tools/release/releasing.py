"""`make release`, from what it was told to a tag."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import click

from images.__main__ import TARGETS, usual_base
from images.container_tool import find_tool
from images.own_store import build_folder, own_store

from .artefacts import CHART_REPOSITORY, Image, Record
from .checkout import Checkout, checkout, finish
from .making import Workshop, room_needed, write_values
from .publishing import Publisher, clear
from .refusals import disk_has_room, tree_is_ready
from .registry import Registry
from .signing import Signer, Verifier

Step = Callable[[str], AbstractContextManager[None]]
"""Says what is done while it is done."""


@dataclass(frozen=True)
class Order:
    """What `make release` was told.

    Attributes:
        tree: The repository that is checked out.
        version: The version to release.
        registry: Where it goes.
        key: What signs.
        targets: Images, of the Dockerfile's stages.
        base: Base image; None for that of the Dockerfile.
    """

    tree: Path
    version: str
    registry: Registry
    key: str
    targets: tuple[str, ...]
    base: str | None = None

    @property
    def tag(self) -> str:
        """Of git."""
        return f"v{self.version}"

    @property
    def folder(self) -> Path:
        """Where the artefacts stay."""
        return self.tree / "dist" / self.version


def release(order: Order, day: dt.date, step: Step) -> str:
    """Make it; gives the last thing to say.

    Raises:
        click.ClickException: It cannot be made; the tree and its branch are as before.
        ClusterError: A program failed.
    """
    tree_is_ready(order.tree, order.tag)
    signer = Signer(order.key, plain_http=order.registry.plain_http)
    public_key = signer.public_key()
    nothing_is_published(order)
    tool, room, what = find_tool(), room_needed(order.targets), f"a release of {', '.join(order.targets)}"
    disk_has_room(build_folder(tool), room.build_bytes, what)
    disk_has_room(order.tree, room.tree_bytes, what)
    clear(order.folder)
    (order.folder / "cosign.pub").write_text(public_key, encoding="utf-8")
    with checkout(order.tree, "HEAD") as sources:
        with step(f"The commit of {order.version}"):
            sources.become(order.version, day)
        commit, notes = sources.commit, sources.notes(order.version)
        sources.send_to(order.registry.address)
        parameters = {"version": order.version, "registry": order.registry.address}
        verifier = Verifier(order.folder / "cosign.pub", plain_http=order.registry.plain_http)
        workshop = Workshop(sources, order.folder, parameters, commit)
        base = order.base or usual_base(tool)
        publisher = Publisher(workshop, order.registry, signer, verifier)
        with own_store(tool):
            images = _publish_images(order.targets, base, publisher, step)
        record = _publish_chart(order, images, publisher, step)
        _keep(order, sources, notes)
        record.write(order.folder)
        return finish(order.tree, commit, order.tag, [f"Release {order.version}", notes])


def nothing_is_published(order: Order) -> None:
    """Refuse to change what people may have pulled.

    Raises:
        click.ClickException: The registry has the version, or does not answer.
    """
    names = [TARGETS[target][1].format(version=order.version).removeprefix("localhost/") for target in order.targets]
    for name in (*names, f"{CHART_REPOSITORY}:{order.version}"):
        repository, _, tag = name.partition(":")
        if order.registry.tagged(repository, tag) is not None:
            raise click.ClickException(
                f"{order.registry.address}/{name} is there already: a version is published once. Name another "
                "VERSION, or delete it there if an unfinished release left it."
            )


def _publish_images(targets: Sequence[str], base: str, publisher: Publisher, step: Step) -> dict[str, Image]:
    workshop, images = publisher.workshop, {}
    for target in targets:
        with step(f"Image {target}: build, list, export"):
            images[target], counts = workshop.image(target, base)
        held = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        click.echo(f"   {images[target].digest}, {images[target].size_bytes / 1e6:,.0f} MB compressed, holds {held}")
        with step(f"Image {target}: push, sign, attest, pull back, verify"):
            publisher.image(images[target])
        # The registry has it now, as it was built.
        shutil.rmtree(workshop.layout(target))
    return images


def _publish_chart(order: Order, images: Mapping[str, Image], publisher: Publisher, step: Step) -> Record:
    """The images get their tags, then the chart is published that names them."""
    workshop = publisher.workshop
    values = write_values(order.folder, order.registry.address, images)
    with step("The chart: package, push, sign, attest, pull back, verify, render"):
        package, sha256 = workshop.chart()
        for image in images.values():
            order.registry.tag(image.repository, image.digest, image.tag)
        chart = publisher.chart(package, sha256)
        publisher.verify_chart(chart, images, values)
    return Record(order.version, workshop.commit, order.registry.address, tuple(images.values()), chart)


def _keep(order: Order, sources: Checkout, notes: str) -> None:
    """Beside the artefacts: the notes, and the manifests as the registry has their images."""
    (order.folder / "notes.md").write_text(f"# {order.version}\n\n{notes}\n", encoding="utf-8")
    for path in sorted((sources.folder / "manifests").rglob("*")):
        if path.is_file():
            to = order.folder / "manifests" / path.relative_to(sources.folder / "manifests")
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(path.read_bytes())
