"""The API server, with the aggregation layer for metrics and the other extension servers."""

from __future__ import annotations

from tests.cluster import certificates, etcd, processes
from tests.cluster.answering import answers
from tests.cluster.layout import API_PORT, FOLDER, HOST_ADDRESS, SERVICE_NETWORK
from tests.cluster.tools import KUBERNETES

FEATURE_GATES = "ImageVolume=true"
"""Models may come as images; kubelets get the same."""


def start() -> None:
    """Start it and wait until it is ready."""
    process = processes.start("kube-apiserver", _command())
    url = f"https://{HOST_ADDRESS}:{API_PORT}/readyz"
    processes.await_healthy("kube-apiserver", process, lambda: answers(url), limit_s=180)


def _command() -> list[str]:
    authority, client = certificates.AUTHORITY, certificates.API_SERVER_AS_CLIENT
    server, front_proxy = certificates.API_SERVER, certificates.FRONT_PROXY
    return [
        str(KUBERNETES.program("kube-apiserver")),
        f"--etcd-servers={etcd.CLIENT_URL}",
        f"--advertise-address={HOST_ADDRESS}",
        f"--bind-address={HOST_ADDRESS}",
        f"--secure-port={API_PORT}",
        f"--cert-dir={FOLDER}/api-server",
        f"--tls-cert-file={server.certificate}",
        f"--tls-private-key-file={server.key}",
        f"--client-ca-file={authority}.crt",
        f"--kubelet-certificate-authority={authority}.crt",
        f"--kubelet-client-certificate={client.certificate}",
        f"--kubelet-client-key={client.key}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={certificates.SERVICE_ACCOUNT_KEY}",
        f"--service-account-signing-key-file={certificates.SERVICE_ACCOUNT_KEY}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--feature-gates={FEATURE_GATES}",
        "--allow-privileged=true",
        # No kube-proxy runs where the API server does: it reaches extension servers and webhooks at their pods.
        "--enable-aggregator-routing=true",
        f"--requestheader-client-ca-file={certificates.FRONT_PROXY_AUTHORITY}.crt",
        f"--requestheader-allowed-names={front_proxy.name}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={front_proxy.certificate}",
        f"--proxy-client-key-file={front_proxy.key}",
    ]
