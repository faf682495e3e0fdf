"""What pods say of themselves, asked beside the rounds so that no round waits for a pod out of reach."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace

from .cluster import Cluster
from .pods import Download, Pod, PodFacts
from .resource import Key

UNREACHED_PAUSE_S = 60.0
"""Before a pod that did not answer is asked again."""

DOWNLOAD_PAUSE_S = 20.0
"""Before a pod that fetches its model is asked again how far it is."""

DOWNLOAD_STEPS = 20
"""Parts of a download, each of which counts as progress once. The image of the step that fetches is the author's choice
and may say what it likes, but it cannot make a rollout hold its slot for longer than so many stall periods."""

WHOLE_PERCENT = 100
"""Of a download that is done."""

CONCURRENT_QUESTIONS = 64
"""So many that pods which let the operator wait on purpose delay the answers of others by seconds only."""


@dataclass(frozen=True)
class FactsAnswer:
    """What a pod said of itself.

    Attributes:
        incarnation: Of the pod that was asked.
        facts: None if it did not answer.
    """

    incarnation: str
    asked_at_s: float
    facts: PodFacts | None


@dataclass(frozen=True)
class DownloadAnswer:
    """How far a pod said that its download is.

    Attributes:
        total_bytes: What it said first that it fetches; 0 while it said none.
        steps: How many of `DOWNLOAD_STEPS` are done.
    """

    asked_at_s: float
    total_bytes: int = 0
    steps: int = 0

    def then(self, asked_at_s: float, download: Download | None) -> DownloadAnswer:
        """With what it says now: neither a step back nor more than was said first is believed."""
        if download is None:
            return replace(self, asked_at_s=asked_at_s)
        total_bytes = self.total_bytes or download.total_bytes
        steps = DOWNLOAD_STEPS * min(download.done_bytes, total_bytes) // total_bytes if total_bytes else 0
        return DownloadAnswer(asked_at_s, total_bytes, max(self.steps, steps))


@dataclass(eq=False)
class PodAnswers:
    """What the pods of one Reranker said, by their uids."""

    key: Key
    facts: dict[str, FactsAnswer] = field(default_factory=dict)
    downloads: dict[str, DownloadAnswer] = field(default_factory=dict)

    def keep_only(self, uids: set[str]) -> None:
        """Drop what was said by pods that are gone."""
        self.facts = {uid: answer for uid, answer in self.facts.items() if uid in uids}
        self.downloads = {uid: answer for uid, answer in self.downloads.items() if uid in uids}


class _Questions:
    """Questions that are open: one a pod, so many at a time."""

    def __init__(self) -> None:
        self._open: dict[str, asyncio.Task[None]] = {}
        self._semaphore = asyncio.Semaphore(CONCURRENT_QUESTIONS)

    def ask(self, pod: Pod, question: Callable[[], Awaitable[None]]) -> None:
        """Have a question asked, unless one is open."""
        if pod.uid not in self._open:
            self._open[pod.uid] = asyncio.create_task(self._ask(pod.uid, question))

    async def settled(self) -> None:
        """Until no question is open."""
        await asyncio.gather(*self._open.values())

    async def _ask(self, uid: str, question: Callable[[], Awaitable[None]]) -> None:
        try:
            async with self._semaphore:
                await question()
        finally:
            del self._open[uid]


class Facts:
    """What ready pods are: answers at once with what is known, and asks for the rest.

    Args:
        cluster: Asks a pod.
        now: Monotonic seconds.
        on_answer: Called with the Reranker about whose pod something was learned, if only that it does not answer.
    """

    def __init__(self, cluster: Cluster, now: Callable[[], float], on_answer: Callable[[Key], None]) -> None:
        self._cluster = cluster
        self._now = now
        self._on_answer = on_answer
        self._questions = _Questions()

    def known(self, answers: PodAnswers, pods: Iterable[Pod], fresh_s: float | None = None) -> tuple[PodFacts, ...]:
        """What these pods of a Reranker said since their containers started.

        Capacity is measured at warm-up and fixed.

        Args:
            answers: Of the Reranker's pods.
            pods: Some of them.
            fresh_s: Age from which an answer is asked for anew, and yet told; None for any.
        """
        found = (self._known(answers, pod, fresh_s) for pod in pods if pod.is_ready)
        return tuple(facts for facts in found if facts is not None)

    def unreached(self, answers: PodAnswers, pods: Iterable[Pod]) -> int:
        """How many of these pods are ready, were asked and did not answer."""
        said = [(pod, answers.facts.get(pod.uid)) for pod in pods if pod.is_ready]
        return sum(
            each is not None and each.incarnation == pod.incarnation and each.facts is None for pod, each in said
        )

    async def settled(self) -> None:
        """Until no question is open."""
        await self._questions.settled()

    def _known(self, answers: PodAnswers, pod: Pod, fresh_s: float | None) -> PodFacts | None:
        answer = answers.facts.get(pod.uid)
        is_current = answer is not None and answer.incarnation == pod.incarnation
        is_old = answer is not None and fresh_s is not None and self._now() - answer.asked_at_s >= fresh_s
        if answer is not None and is_current and not is_old and not self._is_asked_again(answer):
            return answer.facts
        self._questions.ask(pod, lambda: self._ask(answers, pod))
        return answer.facts if answer is not None and is_current else None

    def _is_asked_again(self, answer: FactsAnswer) -> bool:
        return answer.facts is None and self._now() - answer.asked_at_s >= UNREACHED_PAUSE_S

    async def _ask(self, answers: PodAnswers, pod: Pod) -> None:
        facts, former = await self._cluster.pod_facts(pod), answers.facts.get(pod.uid)
        answers.facts[pod.uid] = FactsAnswer(pod.incarnation, self._now(), facts)
        if facts is not None or former is None or former.incarnation != pod.incarnation:
            self._on_answer(answers.key)


class Downloads:
    """How far the models are that pods fetch: answers at once with what is known, and asks again now and then.

    Args:
        cluster: Asks a pod.
        now: Monotonic seconds.
        on_answer: Called with the Reranker of whose pod something was learned.
    """

    def __init__(self, cluster: Cluster, now: Callable[[], float], on_answer: Callable[[Key], None]) -> None:
        self._cluster = cluster
        self._now = now
        self._on_answer = on_answer
        self._questions = _Questions()

    def steps(self, answers: PodAnswers, pods: Iterable[Pod]) -> int:
        """How far the downloads of a Reranker's pods that fetch now are all together, as far as they said."""
        return sum(self._known(answers, pod) for pod in pods if pod.is_fetching)

    def percent(self, answers: PodAnswers, pods: Iterable[Pod]) -> int | None:
        """How much of their downloads the pods of a Reranker that fetch now have done; None if none of them says."""
        fetching = [pod for pod in pods if pod.is_fetching]
        steps = [self._known(answers, pod) for pod in fetching]
        if not any(pod.uid in answers.downloads and answers.downloads[pod.uid].total_bytes for pod in fetching):
            return None
        return WHOLE_PERCENT * sum(steps) // (DOWNLOAD_STEPS * len(steps))

    async def settled(self) -> None:
        """Until no question is open."""
        await self._questions.settled()

    def _known(self, answers: PodAnswers, pod: Pod) -> int:
        answer = answers.downloads.get(pod.uid)
        if answer is None or self._now() - answer.asked_at_s >= DOWNLOAD_PAUSE_S:
            self._questions.ask(pod, lambda: self._ask(answers, pod))
        return 0 if answer is None else answer.steps

    async def _ask(self, answers: PodAnswers, pod: Pod) -> None:
        download = await self._cluster.download(pod)
        former = answers.downloads.get(pod.uid, DownloadAnswer(self._now()))
        answer = answers.downloads[pod.uid] = former.then(self._now(), download)
        if answer.steps != former.steps:
            self._on_answer(answers.key)
