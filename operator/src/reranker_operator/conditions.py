"""The conditions of a Reranker: what was found, in a reason and a sentence each. Pure.

A condition is about now; there is no phase.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import metrics_health
from .change_record import FinalVerdict
from .errors import ended
from .move import Move
from .reasons import Duty, Who, duty
from .rollout import Stage
from .situation import ModelSituation, Situation
from .slots import NoSlot

CONDITION_TYPES = ("Available", "Ready", "Stalled", "ModelReady", "Drifted", "MetricsHealthy")

PODS_UNREACHABLE = "PodsUnreachable"
"""Reason of ModelReady where no ready pod answers the operator."""

NAMED_HOLDERS = 5
"""Holders of slots that a message names; of the rest it gives the number."""

_STAGE_SENTENCES = {
    Stage.CREATING: "The first pods are being created: {ready} of {count} ready.",
    Stage.PENDING: "The change of the pods waits; all else that the spec asks for is done.",
    Stage.MOVING: "{ready} of {count} new pods are ready.",
    Stage.FETCHING: "The model is being fetched{progress}; {ready} of {count} pods serve meanwhile.",
    Stage.VERIFYING: "The model was fetched and is being verified; {ready} of {count} pods serve meanwhile.",
    Stage.SHADOWING: (
        "The new version is compared with the serving one on a sample of the requests; {ready} of {count} pods serve "
        "meanwhile."
    ),
    Stage.ROLLING: "{updated} of {count} pods have the new template, {ready} are ready; the old ones serve meanwhile.",
    Stage.SCALING: "{ready} of {count} pods are ready.",
    Stage.STUCK: (
        "The new pods did not get ready within rollout.progressDeadlineSeconds, and what served before serves on. "
        "See `kubectl describe` of the newest pod, and correct the spec."
    ),
    Stage.ROLLED_BACK: "{ready} of {count} pods are ready with the version that served before.",
    Stage.PINNED: "All {count} replicas serve the version of the annotation bge-reranker.io/rollback.",
    Stage.COMPLETE: "All {count} replicas serve what the spec asks for.",
    Stage.ASLEEP: "The spec asks for no replicas.",
}

_LEFT_AT_ZERO = (
    "The Deployment was scaled to 0, and an autoscaler leaves it there. Scale it to autoscaling.minReplicas by "
    "`kubectl scale deployment`."
)
_PAUSED = "The Deployment is paused, so nothing changes. Run `kubectl rollout resume` on it."


@dataclass(frozen=True)
class Verdict:
    """One condition without its times."""

    type: str
    status: str
    reason: str
    message: str


def verdicts(found: Situation) -> list[Verdict]:
    """The conditions, in the order in which a person reads them."""
    metrics = _metrics(found)
    said = [_available(found), _ready(found), _stalled(found), _model_ready(found), _drifted(found)]
    return [*said, *([metrics] if metrics else [])]


def _available(found: Situation) -> Verdict:
    available = found.former_available + (found.deployment.available if found.deployment else 0)
    if available:
        return Verdict("Available", "True", "ReplicasAnswer", f"{available} replicas answer.")
    if found.stage is Stage.ASLEEP:
        return Verdict("Available", "False", "ScaledToZero", _sentence(found))
    return Verdict("Available", "False", "NoReplicaAnswers", "No replica answers yet.")


def _ready(found: Situation) -> Verdict:
    reason, message = headline(found)
    is_ready = found.stage is Stage.COMPLETE and found.error is None and not found.is_suspended
    if found.warning:
        message = f"{message} {found.warning}"
    return Verdict("Ready", "True" if is_ready else "False", reason, message)


def headline(found: Situation) -> tuple[str, str]:
    """The one reason and sentence that tell most."""
    if found.is_suspended:
        return "Suspended", "lifecycle.suspend is true, and the operator changes nothing. Set it to false to go on."
    if found.error is not None:
        return found.error.code, found.error.sentence()
    if found.is_at_rest or found.stage is Stage.PINNED:
        return found.stage.value, _sentence(found)
    if found.verdict is not None:
        return found.stage.value, f"{_sentence(found)} {_why_rolled_back(found.verdict)}"
    if found.stage is Stage.PENDING:
        beside = f" Pod {found.trouble.pod}: {found.trouble.message}" if found.trouble is not None else ""
        return found.stage.value, _sentence(found) + beside
    if found.trouble is not None:
        return found.trouble.code, f"{_sentence(found)} Pod {found.trouble.pod}: {found.trouble.message}"
    if found.deployment is not None and found.deployment.failure_message:
        sentence = ended(found.deployment.failure_message)
        return (
            "PodsRefused",
            f"The cluster refuses the pods: {sentence} Change what it names, or ask the cluster's administrator to.",
        )
    return found.stage.value, _sentence(found)


def _sentence(found: Situation) -> str:
    state = found.deployment
    percent = found.model.percent if found.model is not None else None
    counts = {
        "ready": state.ready if state else 0,
        "updated": state.updated if state else 0,
        "count": found.count,
        "progress": "" if percent is None else f", {percent} % are there",
    }
    sentence = _LEFT_AT_ZERO if _is_left_at_zero(found) else _STAGE_SENTENCES[found.stage].format(**counts)
    if _is_held(found):
        sentence = f"{sentence} {_PAUSED}"
    if found.no_slot is None and found.model is not None:
        sentence = f"{sentence} {_going_in_place(found.model)}".strip()
    if found.no_slot is not None:
        return f"{sentence} {_who_holds(found.no_slot)}"
    return f"{sentence} {_who_serves(found.move)}" if found.move is not None else sentence


def _why_rolled_back(verdict: FinalVerdict) -> str:
    """What failed, and when it is tried again."""
    again = "It is tried again when the spec's model, gate or pods change, or when bge-reranker.io/retry does."
    return f"{verdict.version} is not tried again: {verdict.code}. {ended(verdict.message)} {again}"


def _going_in_place(model: ModelSituation) -> str:
    """What it costs that there is no node for one pod more; nothing where there is."""
    change = model.decision.record.change
    if change is None or not change.in_place_at:
        return ""
    seconds = model.decision.seconds
    how_long = f"about {seconds:.0f} s, as it took last" if seconds else "as long as a pod takes to start"
    return f"Pods go in place, since no node has room for one more: each is away for {how_long}."


def _is_left_at_zero(found: Situation) -> bool:
    """Whether the count is 0 though the spec leaves it to an autoscaler, which does nothing from 0 on."""
    least = [found.autoscaler_spec.get(key, 1) for key in ("minReplicas", "minReplicaCount")]
    return found.stage is Stage.ASLEEP and found.autoscaler is not None and 0 not in least


def _is_held(found: Situation) -> bool:
    """Whether somebody's pause keeps the pods from becoming what the spec asks for."""
    is_done = found.is_at_rest or found.stage in {Stage.PINNED, Stage.ROLLED_BACK}
    return not is_done and found.deployment is not None and found.deployment.is_paused


def _who_holds(refusal: NoSlot) -> str:
    """Who has the slots, and what else is in the way."""
    holders = ", ".join(f"{key.namespace}/{key.name}" for key in refusal.holders[:NAMED_HOLDERS])
    more = len(refusal.holders) - NAMED_HOLDERS
    holders += f" and {more} more" if more > 0 else ""
    taken = f"{len(refusal.holders)} of {refusal.limit} rollout slots (operator.maxConcurrentRollouts) are held"
    sentence = f"{taken}, by {holders}." if holders else f"{taken}."
    if refusal.is_capped:
        return f"{sentence} Another namespace waits, so this one has its share."
    return f"{sentence} {refusal.ahead} others asked before." if refusal.ahead else sentence


def _who_serves(move: Move) -> str:
    """What answers until the new pods do."""
    formers = ", ".join(f"Deployment {name}" for name in move.formers)
    if formers:
        return f"{formers} serves until all are, and then goes."
    services = ", ".join(str(ref) for ref in move.services)
    return f"{services} leads to its former pods until all are."


def _stalled(found: Situation) -> Verdict:
    """Whether it will not move until somebody acts, and who that is."""
    reason, message = headline(found)
    if found.verdict is not None and reason == Stage.ROLLED_BACK:
        reason = found.verdict.code
        return Verdict("Stalled", "True", reason, f"It is up to {duty(reason).who}. {message}")
    turn = duty(reason)
    if _needs_person(found, turn):
        who = turn.who if turn.who is not Who.NOBODY else Who.AUTHOR
        return Verdict("Stalled", "True", reason, f"It is up to {who}. {message}")
    if turn.is_retried:
        return Verdict(
            "Stalled", "False", reason, f"It may pass by itself; if it lasts, it is up to {turn.who}. {message}"
        )
    if not found.is_at_rest:
        return Verdict("Stalled", "False", "Progressing", "It moves by itself.")
    beside = " and ".join(_faults_beside(found))
    sentence = f"Nothing holds it up, but see {beside}." if beside else "Nothing needs a person."
    return Verdict("Stalled", "False", "Progressing", sentence)


def _faults_beside(found: Situation) -> Iterator[str]:
    """Conditions that ask for a person though the pods are as they should be."""
    if found.warning:
        yield "Ready"
    if _model_ready(found).reason == PODS_UNREACHABLE:
        yield "ModelReady"
    if found.additions:
        yield "Drifted"
    metrics = _metrics(found)
    if metrics is not None and metrics.status == "False":
        yield "MetricsHealthy"


def _needs_person(found: Situation, turn: Duty) -> bool:
    if found.is_suspended:
        return True
    if found.error is not None:
        return found.error.needs_person
    if _is_left_at_zero(found) or _is_held(found):
        return True
    if found.is_at_rest:
        # Pods that were refused and are needed no more.
        return False
    failure = found.deployment.failure_message if found.deployment else ""
    return turn.stalls or found.stage is Stage.STUCK or bool(failure)


def _model_ready(found: Situation) -> Verdict:
    of_the_version = _of_the_version(found)
    if of_the_version is not None:
        return of_the_version
    if found.stage is Stage.COMPLETE and found.unreached and not found.facts:
        message = (
            f"Of the ready pods, {found.unreached} were asked what they serve and none answered the operator. Let pods "
            "with the label app.kubernetes.io/name=bge-reranker-operator reach their port 8001."
        )
        return Verdict("ModelReady", "Unknown", PODS_UNREACHABLE, message)
    if found.stage is Stage.COMPLETE:
        return Verdict("ModelReady", "True", "Loaded", "The model is loaded and warmed up in every replica.")
    if found.trouble is not None and found.stage is not Stage.ASLEEP:
        return Verdict("ModelReady", "False", found.trouble.code, found.trouble.message)
    return Verdict("ModelReady", "Unknown", "NotLoadedYet", "No pod of the wanted template has said yet.")


def _of_the_version(found: Situation) -> Verdict | None:
    """Why the version of the spec does not serve, where that is known."""
    if found.verdict is not None:
        return Verdict("ModelReady", "False", found.verdict.code, _why_rolled_back(found.verdict))
    pin = found.model.decision.record.pin if found.model is not None else None
    if pin is not None and pin.version is not None:
        remedy = "Remove the annotation, or change spec.model, to have the spec's version again."
        return Verdict(
            "ModelReady", "False", Stage.PINNED.value, f"bge-reranker.io/rollback pins {pin.version}. {remedy}"
        )
    if found.stage in {Stage.FETCHING, Stage.VERIFYING, Stage.SHADOWING} and found.trouble is None:
        return Verdict("ModelReady", "False", found.stage.value, _sentence(found))
    return None


def _drifted(found: Situation) -> Verdict:
    """Whether somebody has added to the objects, which the operator leaves."""
    if not found.additions:
        return Verdict("Drifted", "False", "AsApplied", "Nobody has added anything to its objects.")
    message = f"{'; '.join(found.additions)}. Ask for it in the spec, or remove it there; the operator leaves it."
    return Verdict("Drifted", "True", "SetByOthers", message)


def _metrics(found: Situation) -> Verdict | None:
    """Whether the autoscaler can read its metrics; nothing without an autoscaler."""
    if found.autoscaler is None:
        return None
    # Only KEDA's has triggers.
    read = metrics_health.of_scaled_object if "triggers" in found.autoscaler_spec else metrics_health.of_autoscaler
    return Verdict("MetricsHealthy", *read(found.autoscaler_spec, found.autoscaler))
