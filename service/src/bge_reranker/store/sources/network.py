"""What the environment says of the way to sources, judged before a library meets it: each has its own way to fail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from ...authorities import trusting
from ...errors import SettingsError

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
"""Variables that name proxies, which every client here reads, in lower case too."""

_WEB = frozenset({"http", "https"})
_HOST = re.compile(r"[\w.:-]+", re.ASCII)


def refuse_network_variables(environment: Mapping[str, str]) -> None:
    """Refuse proxies and certificates that cannot be used; called where a source is asked over a network.

    Raises:
        SettingsError: If one of them is of another kind, no address, or cannot be read.
    """
    for name in _PROXIES:
        for spelling in (name, name.lower()):
            if value := environment.get(spelling):
                _refuse_proxy(spelling, value)
    if file := environment.get("SSL_CERT_FILE"):
        trusting(file, "SSL_CERT_FILE")


def hub_endpoint(environment: Mapping[str, str], default: str) -> str:
    """The hub's address.

    Raises:
        SettingsError: If HF_ENDPOINT is no address of a server.
    """
    endpoint = environment.get("HF_ENDPOINT", "").strip() or default
    if not _is_web_address(endpoint):
        raise SettingsError(
            f"HF_ENDPOINT is {endpoint}, which is no address of a server.", remedy="Write https://host."
        )
    return endpoint.rstrip("/")


def _refuse_proxy(name: str, value: str) -> None:
    # Never shown as it is: proxies have passwords.
    scheme, separator, _ = value.partition("://")
    if separator and scheme.lower() not in _WEB:
        raise SettingsError(
            f"{name} names a proxy of the kind {scheme[:20]!r}, and models are fetched through HTTP proxies only.",
            remedy="Give one as http://host:port, or unset it for this process.",
        )
    if not _is_web_address(value if separator else f"http://{value}"):
        raise SettingsError(f"{name} is no address of a proxy.", remedy="Write http://host:port, or unset it.")


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        # Asked for, since it is looked at only then.
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in _WEB and text.isprintable() and _HOST.fullmatch(parts.hostname or "") is not None
