"""The state machine of a model's version: what is wanted and what was found -> what to do, and how far it is. Pure.

    Fetching -> Verifying -> Shadowing -> Rolling -> Active
        |           |            |           |
        +-----------+------------+-----------+-----> RolledBack: what served before serves on

Nothing is remembered but the record on the Deployment, so that every step may be the first one of a new process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from .change_record import LONGEST_MESSAGE, Change, FinalVerdict, Pin, Record
from .clock import seconds_between
from .events import Event
from .reasons import FINAL_CODES
from .shadow import DEADLINE_EXCEEDED, PASSED, Shadow, ShadowPolicy, judged
from .trouble import Trouble
from .versions import Version

LOOK_AGAIN_S = 5.0
"""Between looks at what no watch tells of: downloads, and time that passes."""


class State(StrEnum):
    """How far the version is that is wanted."""

    CREATING = "Creating"
    FETCHING = "Fetching"
    VERIFYING = "Verifying"
    SHADOWING = "Shadowing"
    ROLLING = "Rolling"
    ACTIVE = "Active"
    ROLLED_BACK = "RolledBack"


class FetchStep(StrEnum):
    """How far the Job is that fetches onto a shared volume."""

    UNNEEDED = "unneeded"
    RUNNING = "running"
    CHECKING = "checking"
    DONE = "done"
    OVERDUE = "overdue"


@dataclass(frozen=True)
class Policy:
    """How pods are replaced, as the chart says it.

    Attributes:
        mode: `surge`, `inPlace` or `recreate`.
        surge_wait_s: Time that a new pod may have no node until pods may go in place.
        deadline_s: Longest time for a fetch; that of a rolling change is its controller's to watch.
        shadow: What another version must do beside the serving one first; None for nothing.
    """

    mode: str = "surge"
    allow_downtime: bool = False
    surge_wait_s: float = 120.0
    deadline_s: float = 1800.0
    shadow: ShadowPolicy | None = None


@dataclass(frozen=True)
class Asked:
    """What is asked for.

    Attributes:
        version: That of the spec, or the pinned one.
        shape: Of the pod template with it.
    """

    version: Version
    shape: str
    policy: Policy = Policy()


@dataclass(frozen=True)
class Live:
    """The Deployment as it is.

    Attributes:
        version: Of its pod template.
        is_complete: Whether all pods have it and are available.
        has_served: Whether its pods serve, or did before somebody scaled them away.
        timed_out_at: When its controller gave up waiting for the newest pods; empty while it did not.
        trouble: Of the newest pods.
        unschedulable_s: For how long one of these has had no node.
        has_former: Whether there are pods of a former template.
        start_s: How long a pod that serves took from its node to ready.
        feeds: Whether its pods feed a shadow while there is one.
    """

    version: Version
    is_complete: bool = False
    has_served: bool = True
    timed_out_at: str = ""
    trouble: Trouble | None = None
    unschedulable_s: float | None = None
    has_former: bool = True
    start_s: float | None = None
    feeds: bool = True


@dataclass(frozen=True)
class Fetch:
    """The Job that fetches the wanted version.

    Attributes:
        trouble: Of its pod.
    """

    step: FetchStep = FetchStep.UNNEEDED
    trouble: Trouble | None = None


@dataclass(frozen=True)
class Ending:
    """A change that ended in this round.

    Attributes:
        code: `Active`, or why it failed.
    """

    version: Version
    code: str
    message: str = ""

    def event(self) -> Event:
        """For people."""
        if self.code == State.ACTIVE:
            return Event("ModelActive", f"{self.version} serves in all replicas.")
        return Event(
            self.code, f"{self.version} failed, and what served before serves on. {self.message}", is_warning=True
        )


@dataclass(frozen=True)
class Decision:
    """What to do.

    Attributes:
        version: What pods are to have.
        record: What is to lie on the Deployment then.
        holds_template: The pod template stays as it is.
        restores: The pod template becomes, or stays, the one that had the version before.
        begins: The pod template gets another version, once there is a slot.
        fetches: The version that a Job is to fetch meanwhile.
        shadows: The version that a Deployment of its own is to have meanwhile, for comparison.
        mode: In the place of the spec's; None leaves it.
        is_return: The pod template goes back to what serves, and so waits for no slot.
        verdict: Why the wanted version does not serve.
        seconds: Expected time without pods of one that goes in place.
        look_again_s: When to look again though nothing was heard.
    """

    state: State
    version: Version
    record: Record
    holds_template: bool = False
    restores: bool = False
    begins: bool = False
    fetches: Version | None = None
    shadows: Version | None = None
    mode: str | None = None
    is_return: bool = False
    verdict: FinalVerdict | None = None
    seconds: float | None = None
    endings: tuple[Ending, ...] = ()
    events: tuple[Event, ...] = ()
    look_again_s: float | None = None

    @property
    def held_record(self) -> Record:
        """The record as long as the pod template stays."""
        change = self.record.change
        return self.record.having(change=change.waiting) if self.begins and change is not None else self.record

    def named(self, version: Version) -> Decision:
        """With the version as it is rendered."""
        change = self.record.change
        if change is None or change.version != self.version:
            return replace(self, version=version)
        named = change.model_copy(update={"version": version})
        return replace(self, version=version, record=self.record.having(change=named))


def honoured(record: Record, retry: str) -> Record:
    """The record after a look at who asks for another try: what failed is forgotten once for each request."""
    return record if retry == record.retry else record.having(retry=retry, verdicts=())


def pinned(record: Record, text: str, spec: Version, version: Version | None) -> Record:
    """The record after a look at who asks for a kept version, by an annotation with a text.

    Args:
        record: Of before.
        text: Of the annotation; empty without one.
        spec: The version of the spec.
        version: What the text means.
    """
    if not text:
        return record.having(pin=None)
    if record.pin is None or record.pin.asked != text:
        return record.having(pin=Pin(asked=text, version=version, instead_of=spec.ungated))
    # Over, and remembered as such: the annotation may stay where it is.
    return record if record.pin.instead_of == spec.ungated else record.having(pin=_over(record.pin))


def _over(pin: Pin) -> Pin:
    return pin.model_copy(update={"version": None})


def decide(
    asked: Asked,
    record: Record,
    live: Live | None,
    fetch: Fetch,
    now: str,
    shadow: Shadow = Shadow(),  # noqa: B008 - frozen
) -> Decision:
    """One step.

    Args:
        asked: What is wanted.
        record: What lies on the Deployment, as `honoured` and `pinned` have it.
        live: The Deployment; None while there is none, or its pods do not say what they are.
        fetch: The Job that fetches what is wanted, if one is needed.
        now: RFC 3339.
        shadow: The wanted version beside the one that serves, if it is there.
    """
    if live is None:
        return Decision(State.CREATING, asked.version, record.having(change=None))
    record, endings = _completed(record, live)
    verdict = None if _is_settled(asked, record, live) else record.verdict_on(asked.version, asked.shape)
    if verdict is None:
        verdict = _failure(asked, record, live, fetch, shadow, now)
        if verdict is not None:
            record = record.judged(verdict)
            endings = (*endings, Ending(verdict.version, verdict.code, verdict.message))
    if verdict is not None:
        decision = _back(record, live, verdict, now)
    elif asked.version == live.version:
        decision = _rolling(record, live)
    else:
        decision = _towards(asked, record, live, fetch, shadow, now)
    return replace(_in_place(decision, asked.policy, live, now), endings=endings)


def _is_settled(asked: Asked, record: Record, live: Live) -> bool:
    """Whether the wanted version is the one that serves, whatever was said of it."""
    return live.version == asked.version and (record.change is None or record.change.is_return)


def _completed(record: Record, live: Live) -> tuple[Record, tuple[Ending, ...]]:
    """A change whose pods all serve is over."""
    change = record.change
    if change is None or change.version != live.version or not change.rolled_at or not live.is_complete:
        return record, ()
    ending = () if change.is_return else (Ending(change.version, State.ACTIVE),)
    return record.having(change=None), ending


def _fallback(record: Record, live: Live) -> Version:
    """What serves until the change is over, and after it should it fail."""
    change = record.change
    return change.serving if change and change.version == live.version and change.serving else live.version


def _failure(asked: Asked, record: Record, live: Live, fetch: Fetch, shadow: Shadow, now: str) -> FinalVerdict | None:
    """Why the wanted version is given up now, if it is."""
    change = record.change
    if change is None or change.version != asked.version or change.is_return:
        return None
    if live.version == asked.version:
        # Without anything to return to, the new pods are left to try.
        said = _of_pods(live, change) if change.serving else None
    else:
        said = _of_fetch(fetch, asked.policy, change, now) or _of_shadow(shadow, asked.policy, change, now)
    if said is None:
        return None
    code, message = said
    message = message[:LONGEST_MESSAGE]
    return FinalVerdict(
        version=asked.version, shape=asked.shape, code=code, message=message, began=change.began, at=now
    )


def _of_pods(live: Live, change: Change) -> tuple[str, str] | None:
    if live.trouble is not None and live.trouble.code in FINAL_CODES:
        return live.trouble.code, live.trouble.message
    # One that timed out before the template changed was another change.
    if live.timed_out_at > change.rolled_at:
        return DEADLINE_EXCEEDED, _overdue("The new pods did not get ready", live.trouble)
    return None


def _of_fetch(fetch: Fetch, policy: Policy, change: Change, now: str) -> tuple[str, str] | None:
    if fetch.trouble is not None and fetch.trouble.code in FINAL_CODES:
        return fetch.trouble.code, fetch.trouble.message
    is_open = fetch.step in {FetchStep.RUNNING, FetchStep.CHECKING}
    is_late = is_open and seconds_between(change.began, now) > policy.deadline_s
    if is_late or fetch.step is FetchStep.OVERDUE:
        return DEADLINE_EXCEEDED, _overdue("The model was not fetched", fetch.trouble)
    return None


def _of_shadow(shadow: Shadow, policy: Policy, change: Change, now: str) -> tuple[str, str] | None:
    if policy.shadow is None or change.was_compared:
        return None
    verdict = judged(shadow, policy.shadow, change.shadowed_since, now, policy.deadline_s)
    return None if verdict is PASSED else verdict


def _overdue(what: str, trouble: Trouble | None) -> str:
    last = f" At the end: {trouble.code}. {trouble.message}" if trouble else ""
    return f"{what} within rollout.progressDeadlineSeconds. Mend what is in the way, or raise it.{last}"


def _back(record: Record, live: Live, verdict: FinalVerdict, now: str) -> Decision:
    """The wanted version failed: what served before serves on, or comes back."""
    fallback, change = _fallback(record, live), record.change
    if live.version != fallback:
        change = _return(fallback, change, now)
    elif change is not None and (not change.is_return or change.version != fallback):
        change = None
    return Decision(
        State.ROLLED_BACK,
        fallback,
        record.having(change=change),
        restores=True,
        mode=_mode(change),
        is_return=change is not None,
        verdict=verdict,
    )


def _return(to: Version, change: Change | None, now: str) -> Change:
    """The way back; pods that went in place come back so, since there still is no node for one more."""
    in_place_at = change.in_place_at if change else ""
    return Change(version=to, began=now, rolled_at=now, is_return=True, in_place_at=in_place_at)


def _mode(change: Change | None) -> str | None:
    return "inPlace" if change is not None and change.in_place_at else None


def _rolling(record: Record, live: Live) -> Decision:
    """The pod template is the wanted one: at rest, or on its way into the pods."""
    change = record.change
    if change is None or change.version != live.version or change.is_return:
        is_returning = change is not None and change.is_return and change.version == live.version
        settled = record.having(change=change if is_returning else None, verdicts=())
        return Decision(State.ACTIVE, live.version, settled, mode=_mode(settled.change), is_return=is_returning)
    return Decision(State.ROLLING, live.version, record, mode=_mode(change), seconds=live.start_s)


def _in_place(decision: Decision, policy: Policy, live: Live, now: str) -> Decision:
    """With pods that go in place, if that is allowed and no node had room for one more for long enough.

    It is announced in one step and done in the next.
    """
    change = decision.record.change
    is_needed = live.unschedulable_s is not None and live.has_former and policy.mode == "surge"
    is_about_pods = decision.version == live.version and not decision.holds_template
    if not is_needed or not is_about_pods or not policy.allow_downtime or (change is not None and change.in_place_at):
        return decision
    left_s = policy.surge_wait_s - (live.unschedulable_s or 0.0)
    if left_s > 0:
        return replace(decision, look_again_s=min(LOOK_AGAIN_S, left_s))
    # A change of the pods that is none of the version has no record yet.
    change = change or Change(version=live.version, began=now, rolled_at=now, is_return=True)
    record = decision.record.having(change=change.model_copy(update={"in_place_at": now}))
    announced = (*decision.events, _announcement(live))
    return replace(decision, record=record, events=announced, seconds=live.start_s, look_again_s=1.0)


def _announcement(live: Live) -> Event:
    """Said before it is done."""
    how_long = f"about {live.start_s:.0f} s, as it took last" if live.start_s else "as long as a pod takes to start"
    why = "No node has room for a new pod, and rollout.allowDowntime is true"
    message = f"{why}: an old pod goes before each new one comes, which is away for {how_long}."
    return Event("GoingInPlace", message, is_warning=True)


def _towards(asked: Asked, record: Record, live: Live, fetch: Fetch, shadow: Shadow, now: str) -> Decision:
    """Another version is wanted than the pod template has."""
    fallback, before = _fallback(record, live), record.change
    if asked.version == fallback:
        back = record.having(change=_return(fallback, before, now), verdicts=())
        return Decision(State.ROLLING, fallback, back, mode=_mode(back.change), is_return=True)
    change = _begun(asked.version, before, now, is_midway=live.version != fallback)
    if fetch.step not in {FetchStep.UNNEEDED, FetchStep.DONE}:
        return _fetching(asked, record.having(change=change.waiting), live, fallback, fetch)
    # A version on its way back has served, too.
    has_served = live.has_served or live.version != fallback or (before is not None and before.is_return)
    if has_served and asked.version.ungated != fallback.ungated:
        change = _compared(asked.policy, change, shadow, now)
        if asked.policy.shadow is not None and not change.was_compared:
            return _shadowing(asked, record.having(change=change.waiting), live, fallback, fetch)
    rolled = change.model_copy(update={"serving": fallback if has_served else None, "rolled_at": now})
    return Decision(
        State.ROLLING,
        asked.version,
        record.having(change=rolled),
        begins=True,
        fetches=asked.version if fetch.step is FetchStep.DONE else None,
        mode=_mode(change),
        seconds=live.start_s,
    )


def _begun(version: Version, before: Change | None, now: str, *, is_midway: bool) -> Change:
    """The change to a version, from when it was wanted first."""
    if before is not None and before.version == version:
        return before
    goes_in_place = before is not None and (is_midway or before.is_return)
    return Change(version=version, began=now, in_place_at=before.in_place_at if before and goes_in_place else "")


def _fetching(asked: Asked, record: Record, live: Live, fallback: Version, fetch: Fetch) -> Decision:
    """The wanted version is on its way onto the volume.

    A version that was on its way into the pods, and is wanted no more, makes room for the one that served before.
    """
    is_midway = live.version != fallback
    return Decision(
        State.VERIFYING if fetch.step is FetchStep.CHECKING else State.FETCHING,
        fallback if is_midway else asked.version,
        record,
        holds_template=not is_midway,
        restores=is_midway,
        fetches=asked.version,
        mode=_mode(record.change),
        is_return=is_midway,
        look_again_s=LOOK_AGAIN_S,
    )


def _compared(policy: Policy, change: Change, shadow: Shadow, now: str) -> Change:
    """The change with what came of its shadow: since when it is compared, and whether that was enough."""
    if policy.shadow is None or change.was_compared:
        return change
    if not change.shadowed_since:
        return change.model_copy(update={"shadowed_since": now}) if shadow.is_ready else change
    is_over = judged(shadow, policy.shadow, change.shadowed_since, now, policy.deadline_s) is PASSED
    return change.model_copy(update={"was_compared": is_over})


def _shadowing(asked: Asked, record: Record, live: Live, fallback: Version, fetch: Fetch) -> Decision:
    """The wanted version scores a sample of the requests, beside the one that serves.

    A version that was on its way into the pods, and is wanted no more, makes room for the one that served before. Where
    that one's pods feed no shadow yet, they get all of the spec but its version first.
    """
    is_midway = live.version != fallback
    return Decision(
        State.SHADOWING,
        asked.version if live.version == fallback and live.feeds else fallback,
        record,
        holds_template=not is_midway and live.feeds,
        restores=is_midway,
        fetches=asked.version if fetch.step is FetchStep.DONE else None,
        shadows=asked.version,
        mode=_mode(record.change),
        is_return=is_midway,
        look_again_s=LOOK_AGAIN_S,
    )
