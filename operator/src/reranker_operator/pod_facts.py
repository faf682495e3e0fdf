"""What ready pods say of themselves, asked beside the rounds so that no round waits for a pod out of reach."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from .cluster import Cluster
from .resource import Key
from .snapshots import Pod, PodFacts

UNREACHED_PAUSE_S = 60.0
"""Before a pod that did not answer is asked again."""

DOWNLOAD_PAUSE_S = 20.0
"""Before a pod that fetches its model is asked again how far it is."""

CONCURRENT_QUESTIONS = 64
"""So many that pods which let the operator wait on purpose delay the answers of others by seconds only."""


class FactsBook:
    """Answers at once with what is known, and asks for the rest.

    Args:
        cluster: Asks a pod.
        now: Monotonic seconds.
        learned: Called with the Reranker about whose pod something was learned, if only that it does not answer.
    """

    def __init__(self, cluster: Cluster, now: Callable[[], float], learned: Callable[[Key], None]) -> None:
        self._cluster = cluster
        self._now = now
        self._learned = learned
        self._answers: dict[str, tuple[str, float, PodFacts | None]] = {}
        self._questions: dict[str, asyncio.Task[None]] = {}
        self._semaphore = asyncio.Semaphore(CONCURRENT_QUESTIONS)

    def known(self, key: Key, pods: Iterable[Pod]) -> tuple[PodFacts, ...]:
        """What these pods of a Reranker said since their containers started.

        Capacity is measured at warm-up and fixed.
        """
        return tuple(facts for pod in pods if pod.is_ready and (facts := self._known(key, pod)) is not None)

    def unreached(self, pods: Iterable[Pod]) -> int:
        """How many of these pods are ready, were asked and did not answer."""
        answers = [(pod, self._answers.get(pod.uid)) for pod in pods if pod.is_ready]
        return sum(said is not None and said[0] == pod.incarnation and said[2] is None for pod, said in answers)

    def keep_only(self, uids: set[str]) -> None:
        """Drop what was said by pods that are gone."""
        self._answers = {uid: said for uid, said in self._answers.items() if uid in uids}

    async def settled(self) -> None:
        """Until no question is open."""
        await asyncio.gather(*self._questions.values())

    def _known(self, key: Key, pod: Pod) -> PodFacts | None:
        incarnation, asked_at, facts = self._answers.get(pod.uid, ("", -UNREACHED_PAUSE_S, None))
        if incarnation == pod.incarnation and (facts is not None or self._now() - asked_at < UNREACHED_PAUSE_S):
            return facts
        if pod.uid not in self._questions:
            self._questions[pod.uid] = asyncio.create_task(self._ask(key, pod))
        return None

    async def _ask(self, key: Key, pod: Pod) -> None:
        try:
            async with self._semaphore:
                facts = await self._cluster.pod_facts(pod)
            former = self._answers.get(pod.uid)
            self._answers[pod.uid] = (pod.incarnation, self._now(), facts)
            if facts is not None or former is None or former[0] != pod.incarnation:
                self._learned(key)
        finally:
            del self._questions[pod.uid]


class Downloads:
    """How far the models are that pods fetch: answers at once with what is known, and asks again now and then.

    Args:
        cluster: Asks a pod.
        now: Monotonic seconds.
        learned: Called with the Reranker of whose pod something was learned.
    """

    def __init__(self, cluster: Cluster, now: Callable[[], float], learned: Callable[[Key], None]) -> None:
        self._cluster = cluster
        self._now = now
        self._learned = learned
        self._answers: dict[str, tuple[float, int]] = {}
        self._questions: dict[str, asyncio.Task[None]] = {}
        self._semaphore = asyncio.Semaphore(CONCURRENT_QUESTIONS)

    def fetched_bytes(self, key: Key, pods: Iterable[Pod]) -> int:
        """What the pods of a Reranker that fetch now have all together, as far as they said."""
        return sum(self._known(key, pod) for pod in pods if pod.is_fetching)

    def keep_only(self, uids: set[str]) -> None:
        """Drop what was said by pods that are gone."""
        self._answers = {uid: said for uid, said in self._answers.items() if uid in uids}

    async def settled(self) -> None:
        """Until no question is open."""
        await asyncio.gather(*self._questions.values())

    def _known(self, key: Key, pod: Pod) -> int:
        asked_at, fetched = self._answers.get(pod.uid, (-DOWNLOAD_PAUSE_S, 0))
        if pod.uid not in self._questions and self._now() - asked_at >= DOWNLOAD_PAUSE_S:
            self._questions[pod.uid] = asyncio.create_task(self._ask(key, pod, fetched))
        return fetched

    async def _ask(self, key: Key, pod: Pod, before: int) -> None:
        try:
            async with self._semaphore:
                fetched = await self._cluster.fetched_bytes(pod)
            self._answers[pod.uid] = (self._now(), before if fetched is None else fetched)
            if fetched is not None and fetched != before:
                self._learned(key)
        finally:
            del self._questions[pod.uid]
