"""The cluster as the operator needs it: a protocol, and its implementation on the `kubernetes` package."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Protocol

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import DynamicClient

from . import pod_info
from .adopt import MANAGER
from .errors import ClusterUnavailable, Contended, KindNotInstalled, OperatorError, RefusedByCluster
from .events import Event
from .kinds import EVENT, GROUP, RERANKER, Kind, Ref
from .pods import Download, Pod, PodFacts
from .resource import Reranker

_REQUEST_LIMIT = aiohttp.ClientTimeout(total=15)

PAGE = 25
"""Objects to a page of a list: anybody's can bear our labels, and have 1.5 MB each."""

_UNKNOWN_FIELD = "failed to create typed patch object"
_UNKNOWN_NAMESPACE = re.compile(r'\bnamespaces "[^"]*" not found')
"""The namespace is what is lacking, and not an object whose name has that word."""


class Cluster(Protocol):
    """Requests to one cluster. Every method raises errors of ours and no other."""

    async def read(self, ref: Ref) -> dict[str, Any] | None:
        """The live object, or None."""

    async def apply(
        self, body: Mapping[str, Any], *, manager: str = MANAGER, force: bool = True, dry_run: bool = False
    ) -> dict[str, Any]:
        """Apply server-side; gives the object as it is then.

        Raises:
            KindNotInstalled: The cluster does not know the kind.
            RefusedByCluster: It refuses the object.
            Contended: Another field manager has a field and force is off, or another writer was there.
            ClusterUnavailable: It does not answer, or asks to wait.
        """

    async def delete(self, ref: Ref, uid: str) -> None:
        """Delete that object unless another has its name by now; one that is gone is fine."""

    async def write_status(self, reranker: Reranker, status: Mapping[str, Any]) -> str | None:
        """Make this the status, whole; gives the resource version after, or None if there is no such resource."""

    async def is_there(self, reranker: Reranker) -> bool:
        """Whether that very resource is still there, and no namesake."""

    async def emit(self, reranker: Reranker, event: Event) -> None:
        """Post an event about the resource."""

    async def pod_facts(self, pod: Pod) -> PodFacts | None:
        """What a ready pod says of itself; None if it cannot be reached, or says nothing that a scorer says."""

    async def download(self, pod: Pod) -> Download | None:
        """How far a pod is that fetches its model; None if it does not say."""


class Requests(Protocol):
    """The part of the cluster that watches and Leases need."""

    async def request(self, method: str, path: str, **kwargs: Any) -> Any:
        """One request; raises errors of ours."""


class KubernetesCluster:
    """The real thing.

    Args:
        api: A client with a configuration.
        http: Session for questions to pods, from `pod_info`.
    """

    def __init__(self, api: client.ApiClient, http: aiohttp.ClientSession) -> None:
        # Never awaited: discovery would fetch all groups and write a file; our kinds are known.
        self._dynamic = DynamicClient(api)  # type: ignore[no-untyped-call] # the package types its models only
        self._http = http

    async def read(self, ref: Ref) -> dict[str, Any] | None:
        """See the protocol."""
        try:
            found: dict[str, Any] = await self._request("get", path_of(ref))
        except KindNotInstalled:
            return None
        return found

    async def apply(
        self, body: Mapping[str, Any], *, manager: str = MANAGER, force: bool = True, dry_run: bool = False
    ) -> dict[str, Any]:
        """See the protocol."""
        metadata = body["metadata"]
        ref = Ref(body["apiVersion"], body["kind"], metadata["namespace"], metadata["name"])
        try:
            return await self._patch(path_of(ref), body, manager=manager, force=force, dry_run=dry_run)
        except KindNotInstalled as error:
            if not ref.kind.switch:
                raise
            raise KindNotInstalled(
                f"The cluster has no kind {ref.kind_name} of {ref.api_version}.",
                remedy=f"Install its CustomResourceDefinition, or set {ref.kind.switch} to false.",
            ) from error

    async def delete(self, ref: Ref, uid: str) -> None:
        """See the protocol."""
        options = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        try:
            await self._request("delete", path_of(ref), body=options)
        except (KindNotInstalled, Contended):
            # Gone, or another object has that name by now: either way ours is not there.
            return

    async def write_status(self, reranker: Reranker, status: Mapping[str, Any]) -> str | None:
        """See the protocol."""
        metadata = {"name": reranker.name, "namespace": reranker.namespace, "uid": reranker.uid}
        body = {"apiVersion": RERANKER.api_version, "kind": RERANKER.name, "metadata": metadata, "status": status}
        path = f"{path_of(reranker.ref)}/status"
        try:
            written = await self._patch(path, body, manager=MANAGER, force=True, dry_run=False)
        except KindNotInstalled:
            # Also what a CRD without our subresource would be answered with.
            if await self.is_there(reranker):
                raise
            return None
        return str(written["metadata"]["resourceVersion"])

    async def is_there(self, reranker: Reranker) -> bool:
        """See the protocol."""
        live = await self.read(reranker.ref)
        return live is not None and live["metadata"]["uid"] == reranker.uid

    async def emit(self, reranker: Reranker, event: Event) -> None:
        """See the protocol."""
        await self._request("post", collection(EVENT, reranker.namespace), body=_event(reranker, event))

    async def pod_facts(self, pod: Pod) -> PodFacts | None:
        """See the protocol."""
        return await pod_info.ask(self._http, pod.address)

    async def download(self, pod: Pod) -> Download | None:
        """See the protocol."""
        return await pod_info.download(self._http, pod.address)

    async def version(self) -> str:
        """The API server's version, such as `v1.34.4`."""
        return str((await self._request("get", "/version"))["gitVersion"])

    async def published_schema(self) -> str | None:
        """The text of the OpenAPI that the cluster publishes for our group; None while it knows no Reranker."""
        try:
            found = await self._request("get", f"/openapi/v3/apis/{GROUP}/{RERANKER.version}")
        except KindNotInstalled:
            return None
        text = json.dumps(found)
        return text if f'"kind": "{RERANKER.name}"' in text else None

    async def request(self, method: str, path: str, **kwargs: Any) -> Any:
        """One request with our errors, for what is no object of a Reranker: Leases, lists, watches."""
        return await self._request(method, path, **kwargs)

    async def _patch(
        self, path: str, body: Mapping[str, Any], *, manager: str, force: bool, dry_run: bool
    ) -> dict[str, Any]:
        kwargs: dict[str, Any] = {"field_manager": manager, "force_conflicts": force}
        if dry_run:
            kwargs["dry_run"] = "All"
        content_type = "application/apply-patch+yaml"
        found: dict[str, Any] = await self._request("patch", path, body=body, content_type=content_type, **kwargs)
        return found

    async def _request(self, method: str, path: str, **kwargs: Any) -> Any:
        kwargs.setdefault("_request_timeout", _REQUEST_LIMIT)
        try:
            # Lists given anew: the dynamic client appends to its own defaults.
            kwargs = {"query_params": [], "header_params": {}, **kwargs}
            return await self._dynamic.request(method, path, serializer=_as_it_is, **kwargs)
        except ApiException as error:
            raise translated(error, f"{method} {path}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ClusterUnavailable(
                f"The API server does not answer: {str(error) or type(error).__name__}."
            ) from error


def _as_it_is(_: object, body: Any) -> Any:
    return body


def translated(error: ApiException, what: str) -> OperatorError:
    """The API server's refusal as one of ours, quoting its message."""
    message, reason = _message_of(error)
    status = int(error.status or 0)
    if status == HTTPStatus.NOT_FOUND:
        if _UNKNOWN_NAMESPACE.search(message):
            return RefusedByCluster(message, remedy="Create the namespace.")
        return KindNotInstalled(f"{message} ({what})")
    if status == HTTPStatus.CONFLICT:
        return Contended(message)
    if status == HTTPStatus.FORBIDDEN and "being terminated" in message:
        return ClusterUnavailable(message)
    # A field that a kind does not have is answered with 500 if the patch is server-side apply.
    is_unknown_field = status == HTTPStatus.INTERNAL_SERVER_ERROR and _UNKNOWN_FIELD in message
    if (status in {400, 401, 403, 405, 413, 415, 422} and reason != "Timeout") or is_unknown_field:
        return RefusedByCluster(
            f"The API server refuses it: {message}",
            remedy="Change what it names, or ask the cluster's administrator to.",
        )
    seconds = (error.headers or {}).get("Retry-After")
    return ClusterUnavailable(f"The API server answers {status}: {message}", retry_after_s=_number(seconds))


def _message_of(error: ApiException) -> tuple[str, str]:
    try:
        said = json.loads(error.body or "")
        return str(said["message"]), str(said.get("reason", ""))
    except (TypeError, ValueError, KeyError):
        return str(error.reason or error), ""


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


async def pages(requests: Requests, path: str, **kwargs: Any) -> AsyncIterator[dict[str, Any]]:
    """A list, page by page, as the API server gives it at one moment."""
    token = ""
    while True:
        following = {"_continue": token} if token else {}
        page: dict[str, Any] = await requests.request("get", path, limit=PAGE, **kwargs, **following)
        yield page
        token = str(page["metadata"].get("continue") or "")
        if not token:
            return


def collection(kind: Kind, namespace: str = "") -> str:
    """Path of a kind's objects in one namespace, or in all."""
    prefix = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
    return f"{prefix}/namespaces/{namespace}/{kind.plural}" if namespace else f"{prefix}/{kind.plural}"


def path_of(ref: Ref) -> str:
    """Path of one object."""
    return f"{collection(ref.kind, ref.namespace)}/{ref.name}"


def _event(reranker: Reranker, event: Event) -> dict[str, Any]:
    now = dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{reranker.name}-", "namespace": reranker.namespace},
        "involvedObject": {
            "apiVersion": RERANKER.api_version,
            "kind": RERANKER.name,
            "namespace": reranker.namespace,
            "name": reranker.name,
            "uid": reranker.uid,
        },
        "reason": event.reason,
        "message": event.message[:1000],
        "type": "Warning" if event.is_warning else "Normal",
        "source": {"component": MANAGER},
        "reportingComponent": MANAGER,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


@asynccontextmanager
async def connected(context: str | None = None) -> AsyncIterator[KubernetesCluster]:
    """A client by the pod's service account, or by the kubeconfig outside of a cluster."""
    settings = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call] # see above
    except config.ConfigException:
        await config.load_kube_config(context=context, client_configuration=settings)  # type: ignore[no-untyped-call] # see above
    settings.connection_pool_maxsize = 100
    async with client.ApiClient(settings) as api, pod_info.session() as http:
        yield KubernetesCluster(api, http)
