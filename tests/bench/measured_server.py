"""`python -m tests.bench.measured_server REPORT [flags of serve]`: the server with a stopwatch on its event loop.

Every callback's own CPU time is taken (asyncio's loop instead of uvloop, which has no place to look). At the end a JSON
report is written: longest callback, its name, and percentiles of the loop's lag.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio import events
from collections import Counter
from pathlib import Path
from typing import Any

from bge_reranker.app import create_process
from bge_reranker.cli.greeting import greet
from bge_reranker.configuration import load_settings
from bge_reranker.observe.logs import configure_logs
from bge_reranker.ranking.served_model import ServedModel

_LAG_INTERVAL_S = 0.01
_LAG_UNIT_S = 1e-5
"""Lags are counted in this unit. A list of them would grow with time, and the server's memory is measured too."""


class LoopWatch:
    """Takes the CPU time of each callback once the model is served; loading is not what is measured."""

    def __init__(self) -> None:
        self.is_on = False
        self.longest_ms = 0.0
        self.longest_name = ""
        self.callbacks = 0
        self.lags = Counter[int]()

    def install(self) -> None:
        """Put the stopwatch around every callback of every loop."""
        run = events.Handle._run

        def timed(handle: Any) -> None:
            began = time.thread_time()
            run(handle)
            if self.is_on:
                self._note(handle, (time.thread_time() - began) * 1000)

        events.Handle._run = timed  # type: ignore[method-assign,assignment] # a plain function in its place

    async def watch_lag(self) -> None:
        """Note for ever by how much timers are late."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LAG_INTERVAL_S
            await asyncio.sleep(_LAG_INTERVAL_S)
            if self.is_on:
                self.lags[round((loop.time() - due) / _LAG_UNIT_S)] += 1

    def report(self) -> dict[str, Any]:
        """What was seen."""
        return {
            "callbacks": self.callbacks,
            "longest_callback_cpu_ms": self.longest_ms,
            "longest_callback": self.longest_name,
            "lag_p50_ms": self._lag_ms(50),
            "lag_p99_ms": self._lag_ms(99),
            "lag_p999_ms": self._lag_ms(99.9),
            "lag_max_ms": self._lag_ms(100),
        }

    def _lag_ms(self, percent: float) -> float:
        """The lag that so many percent of the timers did not exceed."""
        wanted, seen = percent / 100 * self.lags.total(), 0
        for lag, timers in sorted(self.lags.items()):
            seen += timers
            if seen >= wanted:
                return lag * _LAG_UNIT_S * 1000
        return 0.0

    def _note(self, handle: Any, milliseconds: float) -> None:
        self.callbacks += 1
        if milliseconds > self.longest_ms:
            self.longest_ms, self.longest_name = milliseconds, repr(handle)[:300]


def main(report: Path, flags: dict[str, str]) -> int:
    settings = load_settings(flags=flags)
    configure_logs(settings.observe)
    watch = LoopWatch()
    watch.install()

    def ready(address: str, model: ServedModel) -> None:
        greet(address, model)
        sys.stdout.flush()
        watch.is_on = True

    async def run() -> int:
        lag = asyncio.create_task(watch.watch_lag())
        code = await create_process(settings, ready).run()
        lag.cancel()
        return code

    code = asyncio.run(run())
    report.write_text(json.dumps(watch.report()), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), dict(argument.split("=", 1) for argument in sys.argv[2:])))
