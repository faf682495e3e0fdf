"""docker, podman or buildah: one way to build, to ask and to measure."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

CERTIFICATES = Path("/etc/ssl/certs")
"""The machine's certificates, which a build trusts as well; networks with a proxy of their own need it."""

UV_CACHE = Path.home() / ".cache" / "uv"
"""Wheels that this machine has already fetched."""

_PACKAGE_SOURCES = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX")
"""The machine's own settings of where packages come from: arguments of the build, which no image keeps."""


@dataclass(frozen=True)
class ContainerTool:
    """One of the three."""

    name: str

    def build(
        self,
        tag: str,
        context: Path,
        dockerfile: Path,
        *,
        target: str,
        arguments: Mapping[str, str],
        from_scratch: bool = False,
    ) -> None:
        """Build one target; files and metadata get one fixed time, so the same tree gives the same layers.

        Args:
            tag: Name of the result.
            context: Folder that the build sees.
            dockerfile: The file that has the target.
            target: Which stage is wanted; the last if empty.
            arguments: Build arguments.
            from_scratch: Make every layer anew, whatever the tool has kept.
        """
        command = [self.name, "build", "--file", str(dockerfile), "--tag", tag]
        command += ["--no-cache"] if from_scratch else []
        command += ["--target", target] if target else []
        sources = {name: os.environ[name] for name in _PACKAGE_SOURCES if name in os.environ}
        for name, value in {**arguments, **sources}.items():
            command += ["--build-arg", f"{name}={value}"]
        epoch = arguments.get("SOURCE_DATE_EPOCH", "0")
        command += self._options(epoch)
        _run([*command, str(context)])

    def has(self, image: str) -> bool:
        """Whether the image is in the tool's store."""
        look = [self.name, "inspect", "--type", "image", image]
        return subprocess.run(look, capture_output=True, check=False).returncode == 0

    def pulls(self, image: str) -> bool:
        """Whether the image can be had from its registry."""
        return subprocess.run([self.name, "pull", "--quiet", image], capture_output=True, check=False).returncode == 0

    def store(self) -> Path:
        """The folder in which it keeps images."""
        if self.name == "docker":
            return Path(_output([self.name, "info", "--format", "{{.DockerRootDir}}"]))
        if self.name == "podman":
            return Path(_output([self.name, "info", "--format", "{{.Store.GraphRoot}}"]))
        return Path(json.loads(_output([self.name, "info"]))["store"]["GraphRoot"])

    def size_bytes(self, image: str) -> int:
        """Size of the image as it lies on a disk."""
        if self.name == "buildah":
            listed = json.loads(_output([self.name, "images", "--json", image]))
            return _bytes_of(listed[0]["size"])
        return int(_output([self.name, "image", "inspect", "--format", "{{.Size}}", image]))

    def layers(self, image: str) -> list[str]:
        """Digests of the image's unpacked layers, lowest first."""
        if self.name == "buildah":
            inspected = json.loads(_output([self.name, "inspect", "--type", "image", image]))
            return list(inspected["OCIv1"]["rootfs"]["diff_ids"])
        found = _output([self.name, "image", "inspect", "--format", "{{json .RootFS.Layers}}", image])
        return list(json.loads(found))

    def export(self, image: str, layout: Path, tag: str) -> None:
        """Write an image into a folder as an OCI image layout, with compressed layers where the tool compresses."""
        if self.name != "docker":
            # buildah and podman have one and the same.
            _output([self.name, "push", "--quiet", "--format", "oci", image, f"oci:{layout}:{tag}"])
            return
        archive = layout.with_suffix(".tar")
        _output([self.name, "save", "--output", str(archive), image])
        shutil.unpack_archive(archive, layout, "tar", filter="data")
        archive.unlink()
        if not (layout / "oci-layout").exists():
            raise click.ClickException("This docker writes no OCI image layouts: version 25 or newer does.")

    def run(self, image: str, *arguments: str, given: str = "") -> str:
        """Start the image with arguments of its program and a text as its input; gives what it printed."""
        if self.name != "buildah":
            return _output([self.name, "run", "--rm", "--interactive", "--read-only", image, *arguments], given)
        container = _output(["buildah", "from", image])
        try:
            entry = json.loads(_output(["buildah", "inspect", "--type", "image", image]))["OCIv1"]["config"][
                "Entrypoint"
            ]
            return _output(["buildah", "run", "--isolation", "chroot", container, "--", *entry, *arguments], given)
        finally:
            _output(["buildah", "rm", container])

    def _options(self, epoch: str) -> list[str]:
        if self.name == "docker":
            # docker takes the time from the build argument of this name, and rewrites files only when told to.
            return ["--output", "type=docker,rewrite-timestamp=true"]
        options = ["--timestamp", epoch, "--layers", "--isolation", "chroot"]
        if CERTIFICATES.is_dir():
            options += ["--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro"]
        if UV_CACHE.is_dir():
            options += ["--volume", f"{UV_CACHE}:/root/.cache/uv"]
        return options


def find_tool() -> ContainerTool:
    """The first of the three that works here.

    Raises:
        click.ClickException: None does.
    """
    for name, question in (("docker", "info"), ("podman", "info"), ("buildah", "version")):
        if shutil.which(name) and subprocess.run([name, question], capture_output=True, check=False).returncode == 0:
            return ContainerTool(name)
    raise click.ClickException(
        "Neither docker nor podman nor buildah works here. Install one; on Debian: apt-get install buildah."
    )


def _run(command: Sequence[str]) -> None:
    click.echo(" ".join(command))
    if subprocess.run(command, check=False).returncode != 0:
        raise click.ClickException(f"`{command[0]} {command[1]}` failed; what it said stands above.")


def _output(command: Sequence[str], given: str = "") -> str:
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout.strip()


def _bytes_of(text: str) -> int:
    number, _, unit = text.partition(" ")
    return int(float(number) * {"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9}[unit.upper()])
