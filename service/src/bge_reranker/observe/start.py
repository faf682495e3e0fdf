"""Starts tracing and the GPU's metrics, where the settings and the machine have them."""

from __future__ import annotations

from ..errors import SettingsError
from ..settings import ObserveSettings
from .metrics import Metrics
from .tei_names import TeiNames
from .tracing import NoTracing, Tracing


def create_metrics(settings: ObserveSettings) -> Metrics:
    """All metrics, TEI's names included where they are wanted."""
    metrics = Metrics()
    if settings.tei_metric_names:
        TeiNames(metrics)
    return metrics


def start_tracing(settings: ObserveSettings, metrics: Metrics) -> Tracing:
    """Record traces if there is somebody to send them to.

    Args:
        settings: The receiver, and how much is traced.
        metrics: Where spans are counted.

    Raises:
        SettingsError: If the libraries for it are not installed.
    """
    if settings.otlp_endpoint is None:
        return NoTracing()
    try:
        from .otlp import OtlpTracing, create_exporter  # noqa: PLC0415 - an extra, and not cheap to import

        exporter = create_exporter(settings)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"observe.otlpEndpoint is set, but {error.name} is not installed.",
            remedy="Install bge-reranker[tracing], or unset observe.otlpEndpoint.",
        ) from error
    return OtlpTracing(settings, metrics, exporter)
