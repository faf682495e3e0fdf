"""The status of a Reranker: conditions, counts, model, capacity. Pure.

Nothing is read back from an old status but the times of transitions and facts of pods out of reach.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from .conditions import Verdict, headline, verdicts
from .errors import printable
from .history import history
from .pods import GateFacts, PodFacts
from .resource import Reranker
from .rollout import Stage
from .situation import Situation

UNKNOWN = "unknown"
"""What columns say of pods that do not answer the operator."""


def status_of(reranker: Reranker, found: Situation, now: str) -> dict[str, Any]:
    """The whole status, to be written if it differs from the one there.

    Args:
        reranker: With its status of before.
        found: What was found.
        now: RFC 3339, for conditions that changed.
    """
    state = found.deployment
    ready = state.ready if state else 0
    status: dict[str, Any] = {
        "observedGeneration": reranker.generation,
        "conditions": _with_times(verdicts(found), reranker, now),
        "replicas": state.replicas if state else 0,
        "readyReplicas": ready,
        "ready": f"{ready}/{found.count}",
        "state": _state(found),
        "selector": found.selector,
        "endpoint": found.endpoint,
        "model": _model(reranker, found),
        **_measured(reranker, found),
        "history": history(reranker.status.get("history") or (), found, now),
        **_last_failure(found),
    }
    return {key: value for key, value in status.items() if value not in ("", None, {}, [])}


def _state(found: Situation) -> str:
    """The story in a word: the reason of Ready, and how far a download is."""
    reason = headline(found)[0]
    percent = found.model.percent if found.model is not None else None
    return f"{reason} {percent}%" if reason == Stage.FETCHING and percent is not None else reason


def _with_times(wanted: Iterable[Verdict], reranker: Reranker, now: str) -> list[dict[str, Any]]:
    former = {each["type"]: each for each in reranker.status.get("conditions") or ()}
    conditions = []
    for verdict in wanted:
        before = former.get(verdict.type, {})
        since = before.get("lastTransitionTime", now) if before.get("status") == verdict.status else now
        conditions.append(
            {
                "type": verdict.type,
                "status": verdict.status,
                "reason": verdict.reason,
                "message": printable(verdict.message[:2000]),
                "lastTransitionTime": since,
                "observedGeneration": reranker.generation,
            }
        )
    return conditions


def _model(reranker: Reranker, found: Situation) -> dict[str, Any]:
    """Active and wanted version; what is not known is said to be unknown."""
    target = {key: value for key, value in vars(reranker.model).items() if value}
    model: dict[str, Any] = {"target": target} if target else {}
    if not found.is_serving:
        return model
    if not found.facts and found.unreached:
        return {**model, "summary": UNKNOWN}
    # Until the pods were asked, what was known of them.
    before = reranker.status.get("model") or {}
    active = _active(found.facts) if found.facts else before.get("active")
    if active:
        model["active"] = active
        model["summary"] = f"{str(active.get('name', '')).rpartition('/')[2]}@{str(active.get('digest', ''))[:12]}"
    elif before.get("summary"):
        model["summary"] = before["summary"]
    return model


def _active(facts: tuple[PodFacts, ...]) -> dict[str, Any]:
    """The version that most ready pods serve."""
    digests = [each.digest for each in facts]
    common = max(facts, key=lambda each: (digests.count(each.digest), each.digest))
    active: dict[str, Any] = {key: getattr(common, key) for key in ("name", "source", "revision", "digest")}
    if common.gate is not None:
        active["gate"] = _gate(common.gate)
    return {key: value for key, value in active.items() if value}


def _gate(gate: GateFacts) -> dict[str, Any]:
    """The verdict with its figures, and the cut-off that keeps what each declared one kept."""
    cut_offs = [{key: value for key, value in asdict(each).items() if value is not None} for each in gate.cut_offs]
    said = {
        "verdict": gate.verdict,
        "hash": gate.hash,
        "figures": {name: round(number, 6) for name, number in gate.figures},
        "cutOffs": cut_offs,
        "referenceDigest": gate.reference_digest,
    }
    return {key: value for key, value in said.items() if value}


def _measured(reranker: Reranker, found: Situation) -> dict[str, Any]:
    """Capacity of all ready pods together, device and precision; what is not known is said to be unknown."""
    if not found.is_serving:
        return {}
    if not found.facts and found.unreached:
        return {"capacity": {"summary": UNKNOWN}, "device": UNKNOWN, "precision": UNKNOWN}
    if not found.facts:
        return {key: reranker.status[key] for key in ("capacity", "device", "precision") if key in reranker.status}
    some = found.facts[0]
    total = round(sum(each.pairs_per_second for each in found.facts))
    capacity = {
        "summary": str(total),
        "pairsPerSecond": total,
        "tokensPerSecond": round(sum(each.tokens_per_second for each in found.facts)),
        "pairTokens": some.pair_tokens,
        "replicas": len(found.facts),
        "versions": _by_version(found.facts),
        **_expected(found.facts),
    }
    return {"capacity": capacity if total else None, "device": some.device, "precision": some.precision}


def _expected(facts: tuple[PodFacts, ...]) -> dict[str, Any]:
    """What all replicas together may be asked for the load that they are planned for; latencies of the slowest one."""
    said = [each.expected for each in facts if each.expected is not None]
    if not said:
        return {}
    load = (said[0].documents, said[0].pair_tokens, said[0].p95_objective_ms)
    if len(said) < len(facts) or any((one.documents, one.pair_tokens, one.p95_objective_ms) != load for one in said):
        # While the settings change, there is no one load.
        return {}
    return {
        "expected": {
            "documents": load[0],
            "pairTokens": load[1],
            "objectiveP95Ms": round(load[2]),
            "requestsPerSecond": float(f"{sum(one.requests_per_second for one in said):.3g}"),
            **{f"p{each}Ms": round(max(getattr(one, f"p{each}_ms") for one in said)) for each in (50, 95, 99)},
        }
    }


def _by_version(facts: tuple[PodFacts, ...]) -> list[dict[str, Any]]:
    """The same for each version and precision that serves."""
    kinds = sorted({(each.digest, each.precision) for each in facts})
    same = {kind: [each for each in facts if (each.digest, each.precision) == kind] for kind in kinds}
    return [
        {
            "digest": digest,
            "precision": precision,
            "replicas": len(pods),
            "pairsPerSecond": round(sum(each.pairs_per_second for each in pods)),
            "tokensPerSecond": round(sum(each.tokens_per_second for each in pods)),
        }
        for (digest, precision), pods in same.items()
    ]


def _last_failure(found: Situation) -> dict[str, Any]:
    """The last failure field by field; none once all is well."""
    if found.is_at_rest and found.error is None:
        return {}
    if found.error is not None:
        return {
            "lastFailure": {
                "code": found.error.code,
                "reason": "Operator",
                "message": printable(found.error.sentence()[:2000]),
            }
        }
    if found.verdict is not None:
        failure = {"code": found.verdict.code, "reason": "Model", "message": printable(found.verdict.message[:2000])}
        return {"lastFailure": failure}
    if found.trouble is None:
        return {}
    trouble = found.trouble
    failed = {
        "code": trouble.code,
        "reason": "Pod",
        "pod": trouble.pod,
        "container": trouble.container or None,
        "exitCode": trouble.exit_code,
        "message": printable(trouble.message[:2000]),
    }
    return {"lastFailure": {key: value for key, value in failed.items() if value is not None}}
