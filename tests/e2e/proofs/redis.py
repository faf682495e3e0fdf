"""Redis under two replicas that count and look up in it: slow, down, restarted, full, holding garbage, not let in.

Every request asks Redis twice, for its limits and for its scores. The policy lets the scorer out to Redis' port and to
nowhere else. Each scene lasts some seconds under a steady load of which no request may fail; how long they took stands
beside the scenes in which Redis is well, and what the breaker and the counters said.
"""

from __future__ import annotations

import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.cluster.failures import ClusterError
from tests.e2e.helm import Release, Values
from tests.e2e.kubernetes import Cluster, Namespace, SearchPod, failures, search_pod, wait_until

ADDITIONS = ("redis",)
NAMESPACE = "rr-e2e-redis"
RATE = 20.0
CONNECTIONS = 8
"""Each stays with the replica that it met first; so many meet both."""

SCENE_S = 15.0
"""Three pauses of the breaker."""

ADDRESS = "redis.redis.svc.cluster.local:6379"
PASSWORD, OTHER_PASSWORD = "the-password-of-the-proof", "another-password"
WITH_PASSWORD = ("--requirepass", PASSWORD)
SECRET = "redis-password"
VALUES: Values = {
    "config": {
        "guard": {"redisUrl": f"redis://{ADDRESS}/0", "requestsPerMinute": 1_000_000, "tokensPerMinute": 1_000_000_000},
        # None in the process, so that every request asks Redis.
        "scores": {"shareScores": True},
    },
    "secrets": {"redis": {"name": SECRET}},
    "networkPolicy": {"enabled": True, "egressCidrs": []},
}
SERIES = re.compile(
    r"^bge_reranker_(redis_operations_total|redis_breaker_open|scores_total)(\{.*\})? (\S+)$", re.MULTILINE
)
METRICS = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8001/metrics').read().decode())"
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3); print('connected')"
PYTHON = "/opt/bge-reranker/bin/python"
SLOW = {"commands": [["CLIENT", "PAUSE", "15", "ALL"]], "every_s": 0.03, "for_s": SCENE_S}
"""Half of the time nothing is answered for 15 ms, which is longer than a request waits."""


@dataclass
class _Proof:
    """The release, its callers and its Redis."""

    release: Release
    search: SearchPod
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def cluster(self) -> Cluster:
        return self.release.cluster

    def redis(self, *commands: list[str], password: str = PASSWORD) -> list[Any]:
        """Send commands to Redis from the search team's pod; gives the replies."""
        text = json.dumps(commands)
        replies: list[Any] = self.search.run("redis_commands", ADDRESS, password, text_input=text)
        return replies

    def in_redis_namespace(self, *arguments: str) -> str:
        return self.cluster.kubectl("--namespace=redis", *arguments)

    def in_scorer(self, pod: str, program: str, *arguments: str) -> str:
        """Run a line of Python in a scorer's container: the policy keeps everybody else from its metrics."""
        words = ("exec", pod, "--container=scorer", "--", PYTHON, "-c", program, *arguments)
        return self.release.namespace.kubectl(*words)

    def counted(self) -> dict[str, dict[str, float]]:
        """Series of each pod, by name and labels."""
        found = {}
        for pod in (pod["metadata"]["name"] for pod in self.release.pods()):
            series = SERIES.findall(self.in_scorer(pod, METRICS))
            found[pod] = {f"{name}{labels}": float(value) for name, labels, value in series}
        return found

    def breakers(self) -> list[float]:
        """Whether each pod leaves Redis alone."""
        return [sum(n for name, n in found.items() if "breaker" in name) for found in self.counted().values()]

    def await_asked_again(self, what: str) -> None:
        """Wait until no breaker is open. Under load: it is requests that try."""
        with self.search.start_load(self.release.url, RATE, connections=CONNECTIONS) as load:
            wait_until(lambda: set(self.breakers()) == {0.0}, what)
            assert failures(load.outcome()) == []

    def scene(self, name: str, act: Callable[[], object], *, opens: bool | None) -> None:
        """Change something under load, and see that no request fails.

        Args:
            name: Of the scene, in the figures.
            act: The change.
            opens: Whether both breakers must be open in the end, or closed; None where they may be either.
        """
        before = self.counted()
        with self.search.start_load(self.release.url, RATE, connections=CONNECTIONS) as load:
            began = time.monotonic()
            act()
            time.sleep(max(0.0, SCENE_S - (time.monotonic() - began)))
            breakers = self.breakers()
            outcomes = load.outcome()
        after = self.counted()
        assert failures(outcomes) == [], failures(outcomes)[:3]
        assert opens is None or breakers == [float(opens)] * len(breakers), f"{name}: {breakers}"
        times_ms = [outcome["took_ms"] for outcome in outcomes]
        self.figures[name] = {
            "requests": len(outcomes),
            "failed": 0,
            "p50_ms": float(np.percentile(times_ms, 50)),
            "p95_ms": float(np.percentile(times_ms, 95)),
            "max_ms": max(times_ms),
            "breakers_open": sum(breakers),
            "operations": _difference(before, after, "redis_operations_total"),
            "scores": _difference(before, after, "scores_total"),
        }


def prove(cluster: Cluster, image: str, search_image: str) -> dict[str, Any]:
    """One trouble after the other, and Redis well before, between and after."""
    with (
        search_pod(cluster, search_image, "rr-e2e-redis-search") as search,
        cluster.namespace(NAMESPACE) as namespace,
    ):
        proof = _Proof(Release("demo", namespace, image), search)
        _demand_password(proof)
        _set_secret(namespace, PASSWORD)
        proof.release.install(VALUES)
        egress = _egress(proof)
        _troubles(proof)
        _let_in_again(proof)
    return {"egress": egress, "scenes": proof.figures, **_added(proof.figures)}


def _troubles(proof: _Proof) -> None:
    proof.scene("well", _nothing, opens=False)
    # Scores are written after the answers of one replica, and found by the other.
    assert proof.figures["well"]["scores"].get("redis", 0) > 0, proof.figures["well"]
    slow = json.dumps(SLOW)
    proof.scene("slow", lambda: proof.search.run("redis_commands", ADDRESS, PASSWORD, text_input=slow), opens=None)
    pause = ["CLIENT", "PAUSE", str(int(1000 * (SCENE_S + 5))), "ALL"]
    proof.scene("not answering", lambda: proof.redis(pause), opens=True)
    proof.await_asked_again("Redis is asked again once it answers")
    proof.scene("holding garbage", lambda: _spoil(proof), opens=None)
    proof.redis(["FLUSHALL"])
    full = [["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory-policy", "noeviction"]]
    proof.scene("full", lambda: proof.redis(*full), opens=None)
    proof.redis(["CONFIG", "SET", "maxmemory", "0"])
    proof.scene("down", lambda: proof.in_redis_namespace("scale", "deployment/redis", "--replicas=0"), opens=True)
    proof.scene("back", lambda: _start_again(proof), opens=None)
    proof.await_asked_again("Redis is asked again once it is back")
    proof.scene("restarted", lambda: _restart(proof), opens=None)
    proof.await_asked_again("Redis is asked again once it has restarted")
    proof.scene("refusing the password", lambda: _change_password(proof), opens=True)


def _let_in_again(proof: _Proof) -> None:
    """The new password arrives in running pods, by the Secret alone."""
    began = time.monotonic()
    _set_secret(proof.release.namespace, OTHER_PASSWORD)
    proof.await_asked_again("the new password has arrived in the pods")
    proof.figures["refusing the password"]["let_in_by_the_secret_after_s"] = round(time.monotonic() - began, 1)
    # A machine that does much else keeps Redis from an answer now and then; it is asked again all the same.
    proof.scene("well again", _nothing, opens=None)
    operations = proof.figures["well again"]["operations"]
    assert operations.get("ok limits", 0) > 0, operations


def _demand_password(proof: _Proof) -> None:
    """From its command line, so that it still wants it after a restart."""
    words = [{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": word} for word in WITH_PASSWORD]
    proof.in_redis_namespace("patch", "deployment/redis", "--type=json", f"--patch={json.dumps(words)}")
    proof.in_redis_namespace("rollout", "status", "deployment/redis", "--timeout=100s")


def _nothing() -> None:
    pass


def _egress(proof: _Proof) -> dict[str, bool]:
    """What the scorer reaches by its policy."""
    pod = proof.release.pods()[0]["metadata"]["name"]
    places = {"Redis": ADDRESS, "the API server": "kubernetes.default.svc.cluster.local:443"}
    reached = {name: _reaches(proof, pod, *place.rsplit(":", 1)) for name, place in places.items()}
    assert reached == {"Redis": True, "the API server": False}, reached
    return reached


def _reaches(proof: _Proof, pod: str, host: str, port: str) -> bool:
    try:
        return "connected" in proof.in_scorer(pod, CONNECT, host, port)
    except ClusterError:
        return False


def _spoil(proof: _Proof) -> None:
    """Write something else under every key, again and again: texts where numbers were, and lists where texts were."""
    ends_at = time.monotonic() + SCENE_S
    while time.monotonic() < ends_at:
        (keys,) = proof.redis(["KEYS", "*"])
        spoilt = [
            command
            for number, key in enumerate(keys)
            for command in ([["SET", key, "garbage"]] if number % 2 else [["DEL", key], ["RPUSH", key, "garbage"]])
        ]
        if spoilt:
            proof.redis(*spoilt)


def _start_again(proof: _Proof) -> None:
    proof.in_redis_namespace("scale", "deployment/redis", "--replicas=1")
    proof.in_redis_namespace("rollout", "status", "deployment/redis", "--timeout=100s")


def _restart(proof: _Proof) -> None:
    """As a pod that is deleted: gone at once, and another one without what it held."""
    proof.in_redis_namespace("delete", "pod", "--selector=app=redis", "--grace-period=1")
    proof.in_redis_namespace("rollout", "status", "deployment/redis", "--timeout=100s")


def _change_password(proof: _Proof) -> None:
    proof.redis(["CONFIG", "SET", "requirepass", OTHER_PASSWORD])
    # Whoever is let in stays so until the connection ends.
    proof.redis(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"], password=OTHER_PASSWORD)


def _set_secret(namespace: Namespace, password: str) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "stringData": {"password": password}}
    namespace.kubectl("apply", "--filename=-", text_input=json.dumps(secret))


def _difference(before: dict[str, dict[str, float]], after: dict[str, dict[str, float]], series: str) -> dict[str, int]:
    """What was counted meanwhile, by labels without the names of the release."""
    counted: Counter[str] = Counter()
    for pod, now in after.items():
        for name, value in now.items():
            if name.startswith(series):
                labels = re.findall(r'(?:part|outcome|source)="([^"]*)"', name)
                counted[" ".join(labels)] += round(value - before.get(pod, {}).get(name, 0.0))
    return {name: number for name, number in counted.items() if number}


def _added(scenes: dict[str, Any]) -> dict[str, Any]:
    """What each trouble added, beside the scenes before and after it in which Redis is well."""
    well = [scene for name, scene in scenes.items() if name.startswith("well")]
    return {
        f"{quantile}_added_ms": {
            name: round(scene[f"{quantile}_ms"] - statistics.mean(each[f"{quantile}_ms"] for each in well), 1)
            for name, scene in scenes.items()
            if not name.startswith("well")
        }
        for quantile in ("p50", "p95")
    }
