"""The custom resource definitions of prometheus-operator, KEDA and Gateway API, from the folders of their Go modules.

The kinds are there, and nobody acts on them: enough for what renders, applies and watches such objects.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from tests.cluster.addition import Addition
from tests.cluster.commands import run
from tests.cluster.kubectl import MANIFESTS, kubectl
from tests.cluster.layout import CACHE
from tests.cluster.tools import MODULES

SOURCE = MODULES / "crds"

FOLDERS = {
    "github.com/prometheus-operator/prometheus-operator": "example/prometheus-operator-crd",
    "github.com/kedacore/keda/v2": "config/crd/bases",
    "sigs.k8s.io/gateway-api": "config/crd/standard",
}
"""Each module with the folder of its definitions."""


class Definitions:
    """The definitions, fetched once into the user's cache."""

    name = "crds"

    @property
    def version(self) -> str:
        return hashlib.sha256((SOURCE / "go.sum").read_bytes()).hexdigest()[:12]

    @property
    def folder(self) -> Path:
        return CACHE / f"{self.name}-{self.version}"

    @property
    def is_built(self) -> bool:
        return self.folder.exists()

    def build(self) -> None:
        """Fetch the modules, checked against go.sum, and keep their definitions."""
        unfinished = self.folder.with_name(f"{self.folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for module, folder in FOLDERS.items():
            fetched = json.loads(run(["go", "mod", "download", "-json", module], folder=SOURCE))
            for definition in sorted((Path(fetched["Dir"]) / folder).glob("*_*.yaml")):
                shutil.copyfile(definition, unfinished / definition.name)
        unfinished.rename(self.folder)


DEFINITIONS = Definitions()

INTERCEPTOR_ROUTES = MANIFESTS / "interceptorroutes.yaml"
"""The kind of KEDA's HTTP add-on, written here: its module cannot be fetched."""


def start() -> None:
    """Apply them and wait until the API server serves the kinds."""
    # Server-side, or the larger ones would not fit into the annotation that a client-side apply keeps.
    files = [f"--filename={place}" for place in (DEFINITIONS.folder, INTERCEPTOR_ROUTES)]
    kubectl("apply", "--server-side", "--force-conflicts", *files)
    kubectl("wait", "--for=condition=Established", *files, "--timeout=120s")


ADDITION = Addition(start, tools=(DEFINITIONS,))
