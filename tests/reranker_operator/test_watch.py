from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from reranker_operator.children import Children
from reranker_operator.errors import KindNotInstalled
from reranker_operator.kinds import SERVICE
from reranker_operator.resource import Key
from reranker_operator.watch import Watch

from .bodies import NAMESPACE, seen

PRODUCTS = Key(NAMESPACE, "products")


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
    changed: list[Key] = []
    api, store = FakeApi(*answers), Children(changed.append)
    watch = Watch(api, SERVICE, NAMESPACE, store, silence_s=5)
    task = asyncio.create_task(watch.run())
    await asyncio.wait_for(api.is_through.wait(), 30)
    task.cancel()
    assert watch.is_listed.is_set()
    return store, api, changed


def names(store: Children) -> set[str]:
    return {child.ref.name for child in store.of(PRODUCTS)}


def test_lists_are_read_by_pages_and_changes_follow() -> None:
    changes = FakeStream(
        ("ADDED", seen("c", 101)), ("DELETED", seen("a", 102)), ("BOOKMARK", {"metadata": {"resourceVersion": "150"}})
    )
    store, api, changed = asyncio.run(played(page(seen("a", 1), more="token"), page(seen("b", 2)), changes))
    assert names(store) == {"b", "c"}
    assert set(changed) == {PRODUCTS}
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
