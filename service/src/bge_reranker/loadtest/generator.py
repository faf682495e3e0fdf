"""The process that sends requests, with Locust: a plan on standard input, a record for each request on standard output.

It is a process of its own because Locust replaces Python's sockets and threads with gevent's as soon as it is imported.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import gevent
import orjson
from gevent.pool import Pool
from locust import FastHttpUser, task
from locust.env import Environment

from .answers import AnswerCheck, WrongAnswer
from .arrivals import send_times
from .plan import LoadPlan, Step
from .record import Outcome, Record

_MOST_OPEN = 10_000
"""Connections that an open loop may hold at once."""

_PAUSE_S = 0.1
"""Before a client of a closed loop asks again where it got no answer: a server that is gone, or that refuses at once,
would else be asked as often as this machine can, and the report would count little else."""


class Sender:
    """Sends the questions in turn, and writes what became of each.

    Args:
        plan: What is to be done.
        bodies: Number of documents and body of each question.
        write: Takes records.
    """

    def __init__(self, plan: LoadPlan, bodies: list[tuple[int, bytes]], write: Callable[[Any], None]) -> None:
        self.plan = plan
        self._bodies = bodies
        self._write = write
        self._check = AnswerCheck(plan.score_tolerance)
        self._turns = count()
        self._headers = [_headers(key) for key in plan.keys or ("",)]

    def send(self, client: Any, step: int, began: float, due_s: float) -> Outcome:
        """Send the next question, and wait for its answer.

        Args:
            client: Locust's session.
            step: Number of the step.
            began: When the step did, monotonic.
            due_s: When this request is due, in seconds from then.

        Returns:
            What became of it.
        """
        turn = next(self._turns)
        number, caller = turn % len(self._bodies), turn % len(self._headers)
        documents, body = self._bodies[number]
        late_s = max(0.0, time.perf_counter() - began - due_s)
        with client.post(
            self.plan.path, data=body, headers=self._headers[caller], name="rerank", catch_response=True
        ) as answer:
            latency_s = time.perf_counter() - began - due_s
            version = _version(answer)
            outcome, reason, tokens = self._judged(answer, number, documents, version)
            answer.success()
        status, asked = answer.status_code, (documents, caller, version, number, tokens)
        self._write(Record(step, due_s, late_s, latency_s, status, outcome, reason, *asked))
        return outcome

    def largest_difference(self) -> float:
        """Between two scores of one pair and version so far."""
        return self._check.largest_difference

    def _judged(self, answer: Any, number: int, documents: int, version: str) -> tuple[Outcome, str, int]:
        """Outcome, reason, and tokens."""
        status = answer.status_code
        if status == 0:
            return "failed", f"no answer: {type(answer.error).__name__}", 0
        if status in {429, 503} and "retry-after" in answer.headers:
            return "refused", f"{status} {_code(answer)}", 0
        if status != 200:  # noqa: PLR2004 - the status of an answer
            return "failed", f"{status} {_code(answer)}", 0
        try:
            tokens = self._check.check(number, documents, version, answer.content)
        except WrongAnswer as error:
            return "failed", f"wrong answer: {error}", 0
        return "answered", "", tokens


def run_step(sender: Sender, number: int, step: Step) -> None:
    """Send one step's requests, and wait for their answers."""
    began = time.perf_counter()

    class Caller(FastHttpUser):
        host = sender.plan.url
        connection_timeout = network_timeout = sender.plan.timeout_s
        concurrency = _MOST_OPEN if step.rate is not None else 1
        max_retries = 0

        @task
        def load(self) -> None:
            if step.rate is not None:
                _open_loop(self.client)
            else:
                while (now := time.perf_counter() - began) < step.seconds:
                    if sender.send(self.client, number, began, now) != "answered":
                        gevent.sleep(_PAUSE_S)
            self.stop()

    def _open_loop(client: Any) -> None:
        pool = Pool(_MOST_OPEN)
        for due_s in send_times(step.arrivals, step.rate or 0.0, step.seconds, sender.plan.seed + number):
            gevent.sleep(max(0.0, began + due_s - time.perf_counter()))
            pool.spawn(sender.send, client, number, began, due_s)
        pool.join()

    users = step.clients if step.clients is not None else 1
    environment = Environment(user_classes=[Caller], catch_exceptions=False)
    runner = environment.create_local_runner()
    runner.start(users, spawn_rate=users)
    gevent.joinall([runner.spawning_greenlet])
    while runner.user_count:
        gevent.sleep(0.02)
    runner.quit()


def _headers(key: str) -> dict[str, str]:
    return {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})


def _version(answer: Any) -> str:
    headers = answer.headers or {}
    return "/".join(filter(None, (headers.get("x-model-digest", ""), headers.get("x-model-precision", ""))))


def _code(answer: Any) -> str:
    """The error's code, where the answer has one."""
    try:
        values = orjson.loads(answer.content or b"")
    except orjson.JSONDecodeError:
        return ""
    return str(values.get("code") or values.get("error_type") or "") if isinstance(values, dict) else ""


def _bodies(file: Path) -> Iterator[tuple[int, bytes]]:
    for line in file.read_bytes().splitlines():
        documents, _, body = line.partition(b"\t")
        yield int(documents), body


def main() -> None:
    """Run the plan on standard input."""
    values = orjson.loads(sys.stdin.buffer.read())
    bodies = list(_bodies(Path(values.pop("bodies"))))
    output = os.fdopen(os.dup(1), "wb", buffering=0)
    # What Locust itself prints is no record.
    os.dup2(2, 1)

    def write(record: Record) -> None:
        output.write(orjson.dumps(record.as_json()) + b"\n")

    sender = Sender(LoadPlan.from_json(values), bodies, write)
    for number, step in enumerate(sender.plan.steps):
        run_step(sender, number, step)
        output.write(orjson.dumps({"ended": number, "largest_difference": sender.largest_difference()}) + b"\n")


if __name__ == "__main__":
    main()
