"""`python -m reranker_operator`: read the settings, connect, work until told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys

from pydantic import ValidationError

from . import logs, shallow_json
from .cluster import connected
from .errors import OperatorError
from .health import served
from .lease import LeaseLost
from .process import LOG, Operator
from .settings import PREFIX, Settings, UnknownSetting


def main() -> None:
    """Run the operator; exits 0 when told to stop, 1 otherwise."""
    shallow_json.install()
    logs.configure("info")
    try:
        settings = Settings.from_environment(os.environ)
    except (UnknownSetting, ValidationError) as error:
        LOG.error("settings_refused", extra={"error": f"The settings in {PREFIX}* are wrong. {error}"})
        sys.exit(1)
    logs.configure(settings.log_level)
    LOG.info("settings", extra={"effective": settings.model_dump(mode="json")})
    try:
        asyncio.run(_run(settings))
    except* (LeaseLost, OperatorError) as errors:
        LOG.error("ended", extra={"error": " ".join(sentences(errors))})
        sys.exit(1)


def sentences(errors: BaseExceptionGroup[Exception]) -> list[str]:
    """What each of them says, those of groups within included."""
    found = []
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found += sentences(error)
        else:
            found.append(error.sentence() if isinstance(error, OperatorError) else str(error))
    return found


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with connected(os.environ.get("KUBECONTEXT")) as cluster:
        operator = Operator(settings, cluster, settings.identity or socket.gethostname())
        async with served(settings.health_port, operator.metrics, operator.sick, operator.unready) as port:
            LOG.info("listening", extra={"port": port})
            await operator.run(stop)


if __name__ == "__main__":
    main()
