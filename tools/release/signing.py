"""Signatures by cosign with the maintainers' key: no certificates, no transparency log, no server but the registry."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tests.cluster.commands import run
from tests.cluster.failures import ClusterError
from tests.cluster.tools import COSIGN

SIGNATURE = "https://sigstore.dev/cosign/sign/v1"
"""What a signature's statement calls itself; a bill of materials alone is no signature."""

BILL_OF_MATERIALS, PROVENANCE = "cyclonedx", "slsaprovenance1"
"""Kinds of attestations, as cosign names them."""

_FOLDER = Path(__file__).parent
_NO_SERVICES = (
    f"--signing-config={_FOLDER / 'signing-config.json'}",
    f"--trusted-root={_FOLDER / 'trusted-root.json'}",
    "--yes",
)
"""Both are empty; without them cosign asks sigstore's servers which services to use."""


@dataclass(frozen=True)
class Signer:
    """Who has the private key; its password is in COSIGN_PASSWORD.

    Attributes:
        key: A file, or the address of a key in a KMS.
        plain_http: Whether registries are asked without encryption.
    """

    key: str
    plain_http: bool = False

    def public_key(self) -> str:
        """What others verify with.

        Raises:
            click.ClickException: The key cannot be read.
        """
        try:
            return run([COSIGN.program(), "public-key", f"--key={self.key}"])
        except ClusterError as error:
            last = str(error).splitlines()[-1].removeprefix("error during command execution: ")
            raise click.ClickException(
                f"The key {self.key} cannot be used; is COSIGN_PASSWORD right? {last}"
            ) from error

    def sign(self, reference: str) -> None:
        """Sign an image or a chart by its digest; the signature goes beside it."""
        self._cosign("sign", reference)

    def attest(self, reference: str, kind: str, predicate: Path) -> None:
        """Sign a statement about it; the statement goes beside it."""
        self._cosign("attest", f"--type={kind}", f"--predicate={predicate}", reference)

    def sign_file(self, file: Path, signature: Path) -> None:
        """Sign a file of this machine."""
        run([COSIGN.program(), "sign-blob", f"--key={self.key}", *_NO_SERVICES, f"--bundle={signature}", file])

    def _cosign(self, command: str, *arguments: str) -> None:
        run([COSIGN.program(), command, f"--key={self.key}", *_NO_SERVICES, *_http(self.plain_http), *arguments])


@dataclass(frozen=True)
class Verifier:
    """Who has the public key alone."""

    public_key: Path
    plain_http: bool = False

    def signature(self, reference: str) -> None:
        """Fail unless it is signed.

        Raises:
            ClusterError: No signature of this key.
        """
        self.attestation(reference, SIGNATURE)

    def attestation(self, reference: str, kind: str) -> dict[str, Any]:
        """What the statement of a kind says about it.

        Raises:
            ClusterError: There is none that this key signed.
        """
        found = run(
            [
                COSIGN.program(),
                "verify-attestation",
                f"--type={kind}",
                *self._options(),
                *_http(self.plain_http),
                reference,
            ]
        )
        envelope = json.loads(found.splitlines()[0])
        statement: dict[str, Any] = json.loads(base64.b64decode(envelope["payload"]))
        predicate: dict[str, Any] = statement.get("predicate", {})
        return predicate

    def file(self, file: Path, signature: Path) -> None:
        """Fail unless a file is what was signed.

        Raises:
            ClusterError: It is not.
        """
        run([COSIGN.program(), "verify-blob", *self._options(), f"--bundle={signature}", file])

    def _options(self) -> list[str]:
        return [f"--key={self.public_key}", "--insecure-ignore-tlog=true"]


def _http(plain_http: bool) -> list[str]:  # noqa: FBT001 - one word of a command or none
    return ["--allow-http-registry"] if plain_http else []
