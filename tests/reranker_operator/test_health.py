from __future__ import annotations

import asyncio

import aiohttp

from reranker_operator.health import served
from reranker_operator.metrics import Metrics


def test_liveness_and_readiness_say_why_not_and_metrics_count_states() -> None:
    async def check() -> None:
        states, problems = ["Creating"], {"sick": "", "unready": "waiting for the CRD"}
        metrics = Metrics(lambda: states)
        async with (
            served(0, metrics, lambda: problems["sick"], lambda: problems["unready"]) as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
        ):
            async with client.get("/health/live") as answer:
                assert answer.status == 200
            async with client.get("/health/ready") as answer:
                assert (answer.status, (await answer.json())["reason"]) == (503, "waiting for the CRD")
            problems["sick"] = "the oldest work is 200 s old"
            async with client.get("/health/live") as answer:
                assert answer.status == 503
            async with client.get("/metrics") as answer:
                before = await answer.text()
            states[:] = ["AllReplicasReady"]
            async with client.get("/metrics") as answer:
                text = await answer.text()
        assert 'bge_reranker_operator_resources{state="Creating"} 1.0' in before
        assert 'bge_reranker_operator_resources{state="AllReplicasReady"} 1.0' in text
        assert 'bge_reranker_operator_resources{state="Creating"} 0.0' in text

    asyncio.run(check())
