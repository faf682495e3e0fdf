from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from reranker_operator.children import Children, Watch
from reranker_operator.errors import KindNotInstalled
from reranker_operator.kinds import DEPLOYMENT, SERVICE, Ref, ref_of
from reranker_operator.resource import Key

from .bodies import NAMESPACE, deployment, service

PRODUCTS = Key(NAMESPACE, "products")


def seen(name: str, version: int, owner: str = "products") -> dict[str, Any]:
    body = service(owner)
    metadata = {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {**body, "metadata": {**body["metadata"], **metadata}}


class FakeStream:
    """The lines of a watch."""

    def __init__(self, *changes: tuple[str, dict[str, Any]]) -> None:
        self._lines = [json.dumps({"type": kind, "object": body}).encode() for kind, body in changes]
        self.content = self._read()
        self.is_closed = False

    async def _read(self) -> AsyncIterator[bytes]:
        for line in self._lines:
            yield line

    def close(self) -> None:
        self.is_closed = True


class FakeApi:
    """Answers lists and watches from a script, then waits for ever."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.is_through = asyncio.Event()

    async def request(self, method: str, path: str, **kwargs: Any) -> Any:
        assert (method, path) == ("get", "/api/v1/namespaces/search/services")
        self.asked.append(kwargs)
        if not self._answers:
            self.is_through.set()
            await asyncio.Event().wait()
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def page(*bodies: dict[str, Any], version: str = "100", more: str = "") -> dict[str, Any]:
    return {"items": list(bodies), "metadata": {"resourceVersion": version, "continue": more}}


async def played(*answers: Any) -> tuple[Children, FakeApi, list[Key]]:
    told: list[Key] = []
    api, store = FakeApi(*answers), Children(told.append)
    watch = Watch(api, SERVICE, NAMESPACE, store, silence_s=5)
    task = asyncio.create_task(watch.run())
    await asyncio.wait_for(api.is_through.wait(), 30)
    task.cancel()
    assert watch.is_listed.is_set()
    return store, api, told


def names(store: Children) -> set[str]:
    return {child.ref.name for child in store.of(PRODUCTS)}


def test_lists_are_read_by_pages_and_changes_follow() -> None:
    changes = FakeStream(
        ("ADDED", seen("c", 101)), ("DELETED", seen("a", 102)), ("BOOKMARK", {"metadata": {"resourceVersion": "150"}})
    )
    store, api, told = asyncio.run(played(page(seen("a", 1), more="token"), page(seen("b", 2)), changes))
    assert names(store) == {"b", "c"}
    assert set(told) == {PRODUCTS}
    assert api.asked[1]["_continue"] == "token"
    assert api.asked[2]["resource_version"] == "100"
    assert api.asked[3]["resource_version"] == "150", "a bookmark is where the next watch begins"
    assert ("allowWatchBookmarks", "true") in api.asked[3]["query_params"]
    assert changes.is_closed


def test_a_version_that_is_too_old_leads_to_a_new_list_which_forgets_what_is_gone() -> None:
    gone = FakeStream(("ERROR", {"code": 410}))
    store, _, _ = asyncio.run(played(page(seen("a", 1)), gone, page(seen("b", 2))))
    assert names(store) == {"b"}


def test_a_kind_that_the_cluster_does_not_have_is_skipped() -> None:
    async def check() -> None:
        store = Children(lambda _: None)
        api = FakeApi(KindNotInstalled("no such kind"))
        watch = Watch(api, SERVICE, NAMESPACE, store, silence_s=5)
        task = asyncio.create_task(watch.run())
        await asyncio.wait_for(watch.is_listed.wait(), 30)
        task.cancel()

    asyncio.run(check())


def test_an_answer_that_the_watch_has_overtaken_is_not_taken_back() -> None:
    store = Children(lambda _: None)
    ref = Ref("v1", "Service", NAMESPACE, "a")
    store.put(ref, seen("a", 9))
    store.put(ref, seen("a", 8))
    child = store.child(ref)
    assert child is not None
    assert child.version == 9


@pytest.mark.parametrize("owner", ["products", "other"])
def test_a_child_belongs_to_its_owner_and_moves_with_it(owner: str) -> None:
    store = Children(lambda _: None)
    ref = Ref("v1", "Service", NAMESPACE, "a")
    store.put(ref, seen("a", 1))
    store.put(ref, seen("a", 2, owner))
    assert [len(store.of(Key(NAMESPACE, name))) for name in ("products", "other")] == (
        [1, 0] if owner == "products" else [0, 1]
    )


@pytest.mark.parametrize(
    "metadata",
    [
        {"annotations": {"deployment.kubernetes.io/revision": "latest"}},
        {"annotations": {"deployment.kubernetes.io/revision": "9" * 5000}},
        {"annotations": {"deployment.kubernetes.io/revision": "٣"}},
        {"uid": None, "resourceVersion": "new"},
    ],
)
def test_an_object_that_is_written_as_somebody_liked_hides_no_other(metadata: dict[str, Any]) -> None:
    odd = seen("odd", 3)
    odd["metadata"] |= metadata
    store, _, _ = asyncio.run(played(page(odd, seen("a", 1)), FakeStream(("MODIFIED", odd), ("ADDED", seen("b", 4)))))
    assert names(store) >= {"a", "b"}
    (found,) = [child for child in store.of(PRODUCTS) if child.ref.name == "a"]
    assert found.revision == 0


def test_only_deployments_that_a_reranker_controls_count_in_the_fleet() -> None:
    store = Children(lambda _: None)
    body = {**deployment(), "metadata": {**seen("a", 1)["metadata"], "name": "products"}}
    store.put(ref_of(body), body)
    assert list(store.everywhere(DEPLOYMENT)) == []
