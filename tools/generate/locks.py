"""`python -m generate.locks`: fail if a requirement lock no longer answers its input."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]
"""Top of the repository."""

_OPTIONS = (
    "--quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links"
)
"""Hashes, no addresses, one lock for all platforms."""

_CLIENTS = ("haystack", "langchain", "langchain-community", "lightrag", "litellm", "llama-index", "sdks")
"""Environments of client libraries."""

_BENCH_PEERS = ("infinity", "openvino", "sentence-transformers-onnx")
"""Environments of what the benchmark is compared with."""

_SERVICE = ("--constraint", "requirements/dev.txt", "service/pyproject.toml")
"""What the images hold: the versions that the tests ran with."""
_SERVED = ("--extra", "s3", "--extra", "oci", "--extra", "gate", "--extra", "tracing")
"""Extras that both of the scorer's images have."""


LOCKS = {
    **{f"requirements/client-{name}.txt": [f"tests/clients/{name}.in"] for name in _CLIENTS},
    "requirements/dev.txt": (
        [
            *("--group", "pyproject.toml:dev", "--group", "pyproject.toml:docs"),
            *("service/pyproject.toml", "operator/pyproject.toml", "--all-extras"),
        ]
    ),
    "requirements/image-build.txt": ["--constraint", "requirements/dev.txt", "requirements/image-build.in"],
    "requirements/operator.txt": ["--constraint", "requirements/dev.txt", "operator/pyproject.toml"],
    "requirements/search-pod.txt": ["tests/e2e/search_pod/search-pod.in"],
    "requirements/service.txt": [*_SERVICE, "--extra", "torch", "--extra", "vision", *_SERVED],
    "requirements/service-cpu.txt": [*_SERVICE, "--extra", "cpu", *_SERVED],
    "requirements/tuning.txt": [
        *("--constraint", "requirements/service.txt"),
        *(*_SERVICE, "--extra", "tuning", "--extra", "vision", *_SERVED),
    ],
    "requirements/demo-training.txt": [
        *("--constraint", "requirements/dev.txt", "--group", "pyproject.toml:demo-training"),
    ],
    **{f"requirements/bench-{name}.txt": [f"tests/bench/peers/{name}.in"] for name in _BENCH_PEERS},
    "requirements/peer-flagembedding.txt": ["tests/parity/flagembedding.in"],
    "requirements/peer-sentence-transformers.txt": ["tests/parity/sentence-transformers.in"],
    "requirements/tools.txt": ["requirements/tools.in"],
}
"""Each lock with the inputs it is resolved from."""

_BEYOND = {"requirements/tuning.txt": "requirements/service.txt"}
"""A lock that lists only what another does not: it is installed on top of it."""

_PINNED = re.compile(r"^([a-z0-9._-]+)==", re.MULTILINE)


@click.command()
@click.option("--write", is_flag=True, help="Write the locks instead of comparing them.")
def locks(*, write: bool) -> None:
    """Resolve each lock again, preferring the versions it holds, and compare."""
    stale = [lock for lock, inputs in LOCKS.items() if not _is_fresh(ROOT / lock, inputs, write=write)]
    if stale and not write:
        click.echo(f"Stale: {', '.join(stale)}. Run `make lock` and commit what it writes.", err=True)
        sys.exit(1)
    click.echo("Requirement locks: up to date." if not stale else f"Requirement locks: wrote {', '.join(stale)}.")


def _is_fresh(lock: Path, inputs: list[str], *, write: bool) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        resolved = Path(folder) / lock.name
        if lock.exists():
            # The versions that the lock holds are kept where they still fit.
            shutil.copy(lock, resolved)
        uv = Path(sys.executable).parent / "uv"
        beyond = _BEYOND.get(str(lock.relative_to(ROOT)))
        left_out = [f"--no-emit-package={name}" for name in _pinned(ROOT / beyond)] if beyond else []
        subprocess.run(  # noqa: S603 - our own arguments
            [uv, "pip", "compile", *_OPTIONS.split(), *inputs, *left_out, "-o", resolved],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        fresh = lock.exists() and lock.read_text(encoding="utf-8") == resolved.read_text(encoding="utf-8")
        if write and not fresh:
            shutil.copy(resolved, lock)
        return fresh


def _pinned(lock: Path) -> list[str]:
    return sorted(set(_PINNED.findall(lock.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    locks()
