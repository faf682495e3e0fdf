"""The life of the process: open the listeners, load the model, serve, drain on a signal, end.

A first SIGTERM makes the process unready, keeps answering for the drain delay (with `Connection: close`), then closes
the listeners, finishes everything in flight and ends with 0. A second signal, or Ctrl-C, ends the delay at once;
nothing that was accepted is dropped either way. A process whose engine dies ends at once, with the reason, so that
whoever started it starts it again.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import structlog

from ..errors import InternalError, RerankerError
from ..observe.metrics import Metrics
from ..observe.tracing import Tracing
from ..ranking.served_model import ServedModel
from ..settings import HttpSettings
from .daemon_thread import in_daemon_thread
from .listeners import Listener
from .loop_lag import watch_loop_lag
from .state import ServingState

_log = structlog.get_logger("bge_reranker.process")


class ServerProcess:
    """Runs both listeners around one model.

    Args:
        state: Shared with the applications behind the listeners.
        api: The API's listener.
        management: The management listener.
        load_model: Loads, warms up and gives the model; runs in a thread and may take minutes.
        http: The drain delay.
        metrics: Where failures and the loop's lag are shown.
        tracing: Sends what it has left when the process ends.
        on_ready: Called once the model is served.
        on_stop: Called when the listeners have finished.
    """

    def __init__(
        self,
        state: ServingState,
        api: Listener,
        management: Listener,
        load_model: Callable[[], ServedModel],
        http: HttpSettings,
        metrics: Metrics,
        tracing: Tracing,
        on_ready: Callable[[ServedModel], None],
        on_stop: Callable[[], None] = lambda: None,
    ) -> None:
        self._state = state
        self._api = api
        self._management = management
        self._load_model = load_model
        self._http = http
        self._metrics = metrics
        self._tracing = tracing
        self._on_ready = on_ready
        self._on_stop = on_stop
        self._stop_wanted = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> int:
        """Serve until a signal, a failed load or the death of the engine.

        Returns:
            The exit code: 0 after a signal, else the failure's own.
        """
        self._handle_signals()
        lag = asyncio.create_task(watch_loop_lag(self._metrics.event_loop_lag_seconds.observe))
        management = asyncio.create_task(self._management.run_until_stopped())
        api = asyncio.create_task(self._api.run_until_stopped())
        loading = asyncio.create_task(self._load())
        await self._stop_wanted.wait()
        await self._drain()
        self._api.stop()
        await api
        self._on_stop()
        await asyncio.gather(self._close_model(loading), in_daemon_thread(self._tracing.shutdown))
        self._management.stop()
        await management
        lag.cancel()
        _log.info("stopped", code=self._state.failure.code if self._state.failure else "ok")
        return self._state.failure.exit_code if self._state.failure else 0

    @property
    def failure(self) -> RerankerError | None:
        """What the process ended with, where it was not a signal."""
        return self._state.failure

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._stop_wanted.is_set() or number is signal.SIGINT:
            self._hurry.set()
        self._state.is_draining = True
        _log.info("draining", signal=number.name, delay_s=0 if self._hurry.is_set() else self._http.drain_delay_s)
        self._stop_wanted.set()

    async def _load(self) -> None:
        try:
            model = await in_daemon_thread(self._load_model)
        except RerankerError as error:
            self._give_up(error)
            return
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, a process that will never serve has to end
            _log.error("loading_broke", exc_info=error)
            self._give_up(InternalError(f"Loading the model broke with {type(error).__name__}; the log has the trace."))
            return
        self._state.model = model
        if not self._state.is_draining:
            self._on_ready(model)
        await self._watch(model)

    async def _watch(self, model: ServedModel) -> None:
        """End the process when its engine has died: it would refuse everything for ever."""
        failure = await in_daemon_thread(model.engine.wait_until_over)
        if failure is not None:
            self._give_up(failure)

    def _give_up(self, error: RerankerError) -> None:
        self._state.failure = error
        self._metrics.errors.labels(error.code).inc()
        _log.error("model_failed", code=error.code, message=error.message, remedy=error.remedy)
        self._hurry.set()
        self._stop_wanted.set()

    async def _drain(self) -> None:
        if self._state.failure is None and self._http.drain_delay_s > 0:
            try:
                await asyncio.wait_for(self._hurry.wait(), self._http.drain_delay_s)
            except TimeoutError:
                return

    async def _close_model(self, loading: asyncio.Task[None]) -> None:
        # A load in progress cannot be interrupted; its daemon thread ends with the process.
        loading.cancel()
        if self._state.model is not None:
            # Once the listeners have finished, every caller has been answered.
            await asyncio.to_thread(self._state.model.close)
