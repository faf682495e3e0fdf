"""A registry of container images, by oras."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from tests.cluster.commands import run
from tests.cluster.failures import ClusterError
from tests.cluster.tools import ORAS

TRANSFER_LIMIT_S = 3600
"""Longest time that one image may take; the one with CUDA has 6 GB."""


@dataclass(frozen=True)
class Registry:
    """Where a release goes to, or comes from.

    Attributes:
        address: `HOST[:PORT][/PATH]`.
        plain_http: Whether it is asked without encryption.
    """

    address: str
    plain_http: bool = False

    def at(self, repository: str, digest: str) -> str:
        """A reference by digest."""
        return f"{self.address}/{repository}@{digest}"

    def tagged(self, repository: str, tag: str) -> str | None:
        """The digest that a tag stands for; None where it stands for none.

        Raises:
            click.ClickException: The registry does not answer, or lets nobody in.
        """
        reference = f"{self.address}/{repository}:{tag}"
        try:
            return self._oras("resolve", *self._http(), reference).strip()
        except ClusterError as error:
            if is_absent(str(error), reference):
                return None
            raise click.ClickException(
                f"The registry {self.address} cannot be asked: {reason(str(error))}. Is REGISTRY right, is it up, and "
                "are you logged in (`docker login`)? One without TLS, other than on this machine, needs "
                "ARGS=--plain-http."
            ) from error

    def push(self, layout: Path, digest: str, repository: str) -> None:
        """An image out of a folder, without a tag: nobody finds it yet."""
        to = ["--to-plain-http"] if self.plain_http else []
        self._oras("copy", "--from-oci-layout", f"{layout}@{digest}", *to, f"{self.address}/{repository}")

    def push_all(self, layout: Path, tag: str, repository: str) -> None:
        """An image with all that refers to it, signatures included, out of a folder or an archive."""
        to = ["--to-plain-http"] if self.plain_http else []
        source = ("--from-oci-layout", f"{layout}:{tag}")
        self._oras("copy", "--recursive", *source, *to, f"{self.address}/{repository}:{tag}")

    def pull(self, repository: str, digest: str, layout: Path, tag: str) -> None:
        """An image with all that refers to it, signatures included, into a folder; each digest is compared."""
        source = ["--from-plain-http"] if self.plain_http else []
        at = self.at(repository, digest)
        self._oras("copy", "--recursive", *source, at, "--to-oci-layout", f"{layout}:{tag}")

    def tag(self, repository: str, digest: str, tag: str) -> None:
        """Make it known by a tag."""
        self._oras("tag", *self._http(), self.at(repository, digest), tag)

    def _http(self) -> list[str]:
        return ["--plain-http"] if self.plain_http else []

    @staticmethod
    def _oras(*arguments: str) -> str:
        return run([ORAS.program(), *arguments], time_limit_s=TRANSFER_LIMIT_S)


def is_absent(said: str, reference: str) -> bool:
    """Whether oras says that there is no such tag; of a password that is missing it says `not found`, too."""
    return f"{reference}: not found" in said


def reason(said: str) -> str:
    """The line of what oras says that tells what is wrong."""
    lines = said.splitlines()
    told = next((line for line in lines if line.startswith("Error")), lines[-1])
    return told.partition(": ")[2] or told


def is_local(address: str) -> bool:
    """Whether a registry is on this machine, where none has a certificate."""
    host = address.partition("/")[0]
    name = host.rpartition(":")[0] or host
    return name in {"localhost", "[::1]"} or name.startswith("127.")
