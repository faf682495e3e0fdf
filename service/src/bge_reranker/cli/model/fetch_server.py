"""What a fetch tells whoever asks over HTTP: `/info` for the operator and people, `/metrics` for Prometheus."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from typing_extensions import override

from ...errors import ModelError, SettingsError, error_codes
from ...store.progress import Meter, Progress
from ...store.source import Source

_WHOLE_PERCENT = 100.0

_log = structlog.get_logger("bge_reranker.fetch")


@dataclass(frozen=True, slots=True)
class FetchReport:
    """What is fetched, and how far that is."""

    source: Source
    meter: Meter

    def as_json(self) -> dict[str, Any]:
        """The answer of `/info`; figures are those of the step, and null where they are not known yet."""
        progress = self.meter.progress()
        remaining_s = progress.eta_s
        return {
            "fetch": {
                "source": self.source.shown,
                "revision": self.source.revision,
                "step": progress.step,
                "bytes_done": progress.done_bytes,
                "bytes_total": progress.total_bytes,
                "percent": _percent(progress),
                "bytes_per_second": round(progress.bytes_per_second),
                "remaining_s": None if remaining_s is None else round(remaining_s, 1),
            }
        }


def _percent(progress: Progress) -> float | None:
    if not progress.total_bytes:
        return None
    return round(min(_WHOLE_PERCENT, _WHOLE_PERCENT * progress.done_bytes / progress.total_bytes), 1)


def serve_report(report: FetchReport, port: int) -> Counter:
    """Answer on a port that the log names, until the process ends.

    Returns:
        Counts errors by code.

    Raises:
        SettingsError: If the port is taken.
    """
    registry = CollectorRegistry()
    errors = _metrics(report.meter, registry)
    answers: dict[str, Callable[[], tuple[bytes, str]]] = {
        "/info": lambda: (json.dumps(report.as_json()).encode(), "application/json"),
        "/metrics": lambda: (generate_latest(registry), CONTENT_TYPE_LATEST),
    }
    try:
        server = _Server(port, answers)
    except OSError as error:
        raise SettingsError(
            f"--metrics-port {port} cannot be opened ({error.strerror}).", remedy="Give another."
        ) from None
    threading.Thread(target=server.serve_forever, name="fetch-report", daemon=True).start()
    _log.info("fetch_metrics", port=server.server_port)
    return errors


def _metrics(meter: Meter, registry: CollectorRegistry) -> Counter:
    def gauge(name: str, text: str) -> Gauge:
        return Gauge(f"bge_reranker_fetch_{name}", text, registry=registry)

    gauge("done_bytes", "Bytes of this step that are done.").set_function(lambda: meter.progress().done_bytes)
    gauge("total_bytes", "Bytes of this step; 0 where unknown.").set_function(lambda: meter.progress().total_bytes or 0)
    gauge("bytes_per_second", "Rate of the last seconds.").set_function(lambda: meter.progress().bytes_per_second)
    errors = Counter("bge_reranker_errors", "Errors by code.", ["code"], registry=registry)
    codes = {kind.__name__ for kind in ModelError.__subclasses__()}
    for code in error_codes():
        if code in codes:
            errors.labels(code)
    return errors


class _Server(ThreadingHTTPServer):
    """Answers at once, one thread for each who asks, none of which keeps the process."""

    daemon_threads = True

    def __init__(self, port: int, answers: dict[str, Callable[[], tuple[bytes, str]]]) -> None:
        self.answers = answers
        # Both families where the machine has both: the operator asks pods of clusters without IPv4 too.
        has_both = socket.has_dualstack_ipv6()
        self.address_family = socket.AF_INET6 if has_both else socket.AF_INET
        super().__init__(("::" if has_both else "0.0.0.0", port), _Handler)  # noqa: S104 - a port is there to be asked

    @override
    def server_bind(self) -> None:
        # Connections that were answered hold the port for a minute after this process, and the pod's next one needs it.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # Not the class above, which asks a name server who it is.
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "", self.server_address[1]

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up while it is answered is no news."""


class _Handler(BaseHTTPRequestHandler):
    timeout = 5.0
    """Seconds that a client may take to say what it wants."""

    def do_GET(self) -> None:
        answer = self.server.answers.get(self.path.partition("?")[0])  # type: ignore[attr-defined]  # a _Server
        if answer is None:
            self.send_error(404)
            return
        body, content_type = answer()
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Probes are no news."""
