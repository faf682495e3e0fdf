"""The cluster's certificate authority, and a certificate for each component, by openssl."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.cluster.commands import run
from tests.cluster.layout import API_SERVICE_ADDRESS, CERTIFICATES, HOST_ADDRESS, NODES

DAYS = "365"
"""How long they hold; no cluster of this kind lives as long."""

AUTHORITY = CERTIFICATES / "authority"
FRONT_PROXY_AUTHORITY = CERTIFICATES / "front-proxy-authority"
"""Signs what the API server shows to extension servers; another authority, or any client could pose as it."""

SERVICE_ACCOUNT_KEY = CERTIFICATES / "service-accounts.key"


@dataclass(frozen=True)
class Identity:
    """Who holds a certificate.

    Attributes:
        name: File name, and the common name unless `common_name` is given.
        common_name: The user as which Kubernetes knows the holder.
        group: The group as which Kubernetes knows the holder.
        alternative_names: Where a server is reached, as openssl writes it.
        authority: Who signs.
    """

    name: str
    common_name: str = ""
    group: str = ""
    alternative_names: str = ""
    authority: Path = AUTHORITY

    @property
    def certificate(self) -> Path:
        return CERTIFICATES / f"{self.name}.crt"

    @property
    def key(self) -> Path:
        return CERTIFICATES / f"{self.name}.key"


API_SERVER = Identity(
    "api-server",
    alternative_names=f"IP:{HOST_ADDRESS},IP:{API_SERVICE_ADDRESS},DNS:kubernetes,DNS:kubernetes.default.svc",
)
API_SERVER_AS_CLIENT = Identity("api-server-as-client", group="system:masters")
FRONT_PROXY = Identity("front-proxy", authority=FRONT_PROXY_AUTHORITY)
ADMIN = Identity("admin", group="system:masters")
CONTROLLER_MANAGER = Identity("controller-manager", "system:kube-controller-manager")
SCHEDULER = Identity("scheduler", "system:kube-scheduler")
KUBE_PROXY = Identity("kube-proxy", "system:kube-proxy")
KUBE_ROUTER = Identity("kube-router")
KUBELETS = {node: Identity(node.name, f"system:node:{node.name}", "system:nodes") for node in NODES}
KUBELET_SERVERS = {node: Identity(f"{node.name}-server", alternative_names=f"IP:{node.address}") for node in NODES}


def issue_all() -> None:
    """Make both authorities, the key of the service accounts and everyone's certificate."""
    CERTIFICATES.mkdir(parents=True)
    for authority in (AUTHORITY, FRONT_PROXY_AUTHORITY):
        _create(authority.name, f"{authority}.key", f"{authority}.crt", ["-subj", f"/CN={authority.name}"])
    run(["openssl", "genrsa", "-out", SERVICE_ACCOUNT_KEY, "2048"])
    clients = (API_SERVER_AS_CLIENT, FRONT_PROXY, ADMIN, CONTROLLER_MANAGER, SCHEDULER, KUBE_PROXY, KUBE_ROUTER)
    for identity in (API_SERVER, *clients, *KUBELETS.values(), *KUBELET_SERVERS.values()):
        _issue(identity)


def _issue(identity: Identity) -> None:
    group = f"/O={identity.group}" if identity.group else ""
    options = [
        *("-CA", f"{identity.authority}.crt", "-CAkey", f"{identity.authority}.key"),
        *("-subj", f"{group}/CN={identity.common_name or identity.name}"),
        *("-addext", "extendedKeyUsage=clientAuth,serverAuth", "-addext", "basicConstraints=CA:FALSE"),
    ]
    if identity.alternative_names:
        options += ["-addext", f"subjectAltName={identity.alternative_names}"]
    _create(identity.name, identity.key, identity.certificate, options)


def _create(name: str, key: Path | str, certificate: Path | str, options: list[str]) -> None:
    assert name, "a certificate without a name; this is a bug"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    run(["openssl", "req", "-x509", "-days", DAYS, *curve, "-keyout", key, "-out", certificate, *options])
