"""kopf's side: which Rerankers there are and when they change. Decorators only; all work is queued elsewhere.

There is no handler that writes progress into the resource and none that needs a finalizer: `on.event` gets every
change, and the worklist repeats what failed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kopf

from .kinds import GROUP, RERANKER
from .resource import Reranker

WORKER_IDLE_S = 1.0
"""For which kopf keeps an object's task after its last event."""

OnEvent = Callable[[Reranker, bool], None]
"""Called with a Reranker and whether it is gone."""


def registry(on_event: OnEvent, *, inactivity_s: float) -> kopf.OperatorRegistry:
    """The handlers, in a registry of their own.

    Args:
        on_event: Called at every change.
        inactivity_s: Time after which kopf's watch is begun anew from where it was, dead or not.
    """
    handlers = kopf.OperatorRegistry()

    @kopf.on.startup(registry=handlers)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        # Any object named `default` would be joined, and equal priorities pause everyone: our Lease decides.
        settings.peering.standalone = True
        # Otherwise namespaces and CRDs are watched, which needs rights in the whole cluster.
        settings.scanning.disabled = True
        settings.posting.enabled = False
        settings.persistence.finalizer = f"{GROUP}/unused"
        settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
        settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP)
        # One task an object: it only queues, and stays a while. A limit would let so many objects in per such while.
        settings.queueing.worker_limit = None
        settings.queueing.idle_timeout = WORKER_IDLE_S
        settings.networking.request_timeout = 15
        settings.networking.connect_timeout = 10
        settings.watching.server_timeout = 280
        # Not `inactivity_timeout`: it cancels whatever kopf's task is at, and if that is an event that has just come,
        # the task ends without a word and nothing is heard of any Reranker again. This one ends a read, and no other.
        settings.watching.client_timeout = inactivity_s

    @kopf.on.login(registry=handlers)
    async def log_in(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    @kopf.on.event(GROUP, RERANKER.version, RERANKER.plural, registry=handlers)
    async def changed(event: kopf.RawEvent, body: kopf.Body, **_: Any) -> None:
        on_event(Reranker.from_body(dict(body)), event["type"] == "DELETED")

    return handlers
