"""The programs that are built from source: one Go module a folder under tools/, built once into the user's cache."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.cluster.commands import run
from tests.cluster.layout import CACHE

MODULES = Path(__file__).parent / "tools"
"""One folder for each set of dependencies that agree."""

BUILD_LIMIT_S = 3600
"""Longest build; the slowest takes five minutes on two idle cores."""


class Built(Protocol):
    """What is made once into a folder of the cache."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def folder(self) -> Path: ...

    @property
    def is_built(self) -> bool: ...

    def build(self) -> None: ...


@dataclass(frozen=True)
class Tool:
    """One Go module whose `tool` lines name the programs to build.

    Attributes:
        name: Folder under tools/.
        module: The dependency whose version is the tool's.
        variables: Variables set at link time; `{version}` stands for the version.
        tags: Build tags, which leave out what is not needed.
    """

    name: str
    module: str
    variables: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def source(self) -> Path:
        return MODULES / self.name

    @property
    def version(self) -> str:
        found = re.search(rf"{re.escape(self.module)} (v\S+)", (self.source / "go.mod").read_text(encoding="utf-8"))
        assert found is not None, f"{self.source}/go.mod names no version of {self.module}; this is a bug"
        return found[1]

    @property
    def folder(self) -> Path:
        return CACHE / f"{self.name}-{self.version}"

    def program(self, name: str = "") -> Path:
        """Path of one of its built programs."""
        return self.folder / (name or self.name)

    @property
    def is_built(self) -> bool:
        stamp = self.folder / "built-from"
        return stamp.exists() and stamp.read_text(encoding="utf-8") == self._fingerprint()

    def build(self) -> None:
        """Build all its programs, at low priority."""
        unfinished = self.folder.with_name(f"{self.folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        run(
            [
                "nice",
                "-n",
                "10",
                "go",
                "build",
                "-trimpath",
                f"-tags={','.join(self.tags)}",
                "-ldflags",
                self._linker_flags(),
                "-o",
                f"{unfinished}/",
                "tool",
            ],
            environment={"CGO_ENABLED": "0", "GOFLAGS": os.environ.get("GOFLAGS", "-buildvcs=false")},
            folder=self.source,
            time_limit_s=BUILD_LIMIT_S,
        )
        (unfinished / "built-from").write_text(self._fingerprint(), encoding="utf-8")
        shutil.rmtree(self.folder, ignore_errors=True)
        unfinished.rename(self.folder)

    def _fingerprint(self) -> str:
        pinned = (self.source / "go.mod").read_bytes() + (self.source / "go.sum").read_bytes()
        return hashlib.sha256(pinned + " ".join([self._linker_flags(), *self.tags]).encode()).hexdigest()

    def _linker_flags(self) -> str:
        return " ".join(["-s -w", *(f"-X {variable.format(version=self.version)}" for variable in self.variables)])


KUBERNETES = Tool(
    "kubernetes",
    "k8s.io/kubernetes",
    tuple(f"k8s.io/component-base/version.{part}" for part in ("gitVersion={version}", "gitMajor=1", "gitMinor=34")),
)
CONTAINERD = Tool(
    "containerd",
    "github.com/containerd/containerd/v2",
    ("github.com/containerd/containerd/v2/version.Version={version}",),
)
COREDNS = Tool("coredns", "github.com/coredns/coredns")
LOCAL_PATH_PROVISIONER = Tool("local-path-provisioner", "github.com/rancher/local-path-provisioner")
METRICS_SERVER = Tool("metrics-server", "sigs.k8s.io/metrics-server")
KUBE_ROUTER = Tool("kube-router", "github.com/cloudnativelabs/kube-router/v2")

HELM = Tool("helm", "helm.sh/helm/v4", ("helm.sh/helm/v4/internal/version.version={version}",))
HELM_3 = Tool("helm-3", "helm.sh/helm/v3", ("helm.sh/helm/v3/internal/version.version={version}",))
"""The last Helm 3, which one long proof uses; `make cluster-tools` does not build it."""

COSIGN = Tool("cosign", "github.com/sigstore/cosign/v3", ("sigs.k8s.io/release-utils/version.gitVersion={version}",))
"""Signs, attests and verifies."""

ORAS = Tool("oras", "oras.land/oras")
"""Brings images, with what refers to them, to and from registries."""

SYFT = Tool("syft", "github.com/anchore/syft", ("main.version={version}",))
"""Lists what an image holds: packages of Debian and of Python, modules of Go programs."""

RELEASE_TOOLS = (COSIGN, ORAS, SYFT)
"""What a release needs beside helm; `make release` builds them, `make cluster-tools` does not."""

TOOLS = (KUBERNETES, CONTAINERD, HELM, COREDNS, KUBE_ROUTER, LOCAL_PATH_PROVISIONER, METRICS_SERVER)
"""What every cluster needs and what installs onto it, slowest first."""


def missing() -> list[Tool]:
    """The tools that have yet to be built."""
    return [tool for tool in TOOLS if not tool.is_built]
