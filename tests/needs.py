"""What tests need beside Python: how to get it, and what was skipped for want of it.

`python -m tests.needs` (`make setup-all`) installs what is missing where it may, and else says what to do.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from tests.cluster import tools

ROOT = Path(__file__).parents[1]
_SKIPPED = re.compile(r"Skipped: needs ([a-z-]+): ")
_APT_GET = ("apt-get", "-o", "Dpkg::Use-Pty=0", "-qq", "-y", "--no-install-recommends", "install")


@dataclass(frozen=True)
class Need:
    """A program that some tests cannot do without.

    Attributes:
        program: Its name.
        package: Debian's package that has it; empty where `make helm` builds it.
    """

    program: str
    package: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the program is there."""
        return shutil.which(self.program) is not None if self.package else tools.HELM.is_built

    @property
    def remedy(self) -> str:
        """The command that installs it."""
        return f"apt-get install {self.package}" if self.package else "make helm"

    @property
    def lack(self) -> str:
        """Why a test is skipped."""
        return f"needs {self.program}: {self.remedy}"


BUILDAH = Need("buildah", "buildah")
CHROMIUM = Need("chromium", "chromium")
CURL = Need("curl", "curl")
DOCKER_REGISTRY = Need("docker-registry", "docker-registry")
HELM = Need("helm")
NGINX = Need("nginx", "nginx")
REDIS_SERVER = Need("redis-server", "redis-server")
PROMETHEUS = Need("prometheus", "prometheus")
SYSTEMD_ANALYZE = Need("systemd-analyze", "systemd")
WRK = Need("wrk", "wrk")
NEEDS = (BUILDAH, CHROMIUM, CURL, DOCKER_REGISTRY, HELM, NGINX, PROMETHEUS, REDIS_SERVER, SYSTEMD_ANALYZE, WRK)


def summary(reasons: Iterable[str]) -> str:
    """One line on the tests that were skipped for want of a program; empty if there were none.

    Args:
        reasons: Why tests were skipped, as pytest has it: one for each test.
    """
    found = Counter(match[1] for reason in reasons if (match := _SKIPPED.search(reason)))
    if not found:
        return ""
    programs = ", ".join(f"{program} ({count})" for program, count in sorted(found.items()))
    return f"{found.total()} tests were skipped because programs are missing: {programs}. Run `make setup-all`."


def install() -> list[str]:
    """Install what is missing where this user may; returns what is left to do, one command a line."""
    packages = [need.package for need in NEEDS if need.package and not need.is_met]
    if packages and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(("apt-get", "update", "-qq"), check=False, env=environment)
        subprocess.run((*_APT_GET, *packages), check=False, env=environment)
    if not HELM.is_met and shutil.which("go"):
        subprocess.run(("make", "--no-print-directory", "helm"), cwd=ROOT, check=False)
    return [_by_hand(need) for need in NEEDS if not need.is_met]


def _by_hand(need: Need) -> str:
    if need.package:
        return f"{need.program}: install the package {need.package} as root (on Debian `{need.remedy}`)"
    return f"{need.program}: install Go 1.26 or newer (https://go.dev/dl), then run `{need.remedy}`"


if __name__ == "__main__":
    left = install()
    click.echo("\n".join(["Still missing:", *left]) if left else "Everything that `make test` needs is installed.")
    sys.exit(1 if left else 0)
