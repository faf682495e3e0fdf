"""A Deployment, its controller and a Job as the state machine of a model's version sees them, in a few lines."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

from reranker_operator.change_record import Record
from reranker_operator.model_change import (
    Asked,
    Decision,
    Fetch,
    FetchStep,
    Live,
    Policy,
    State,
    decide,
    honoured,
    pinned,
)
from reranker_operator.shadow import Shadow, ShadowPolicy
from reranker_operator.trouble import Trouble
from reranker_operator.versions import Version

REPLICAS = 2
TICK_S = 100.0
DEADLINE_S = 1000.0
VERSIONS = tuple(Version(source="hf://org/model", revision=name) for name in "abcd")
GOOD = "good"
SHADOW_POLICY = ShadowPolicy(min_duration_s=3 * TICK_S, min_comparisons=10, min_kendall_tau=0.9)


@dataclass
class World:
    """Two replicas of the first version serve.

    Attributes:
        asked: Revision that the spec names.
        fates: What becomes of new pods by version: good, or the code with which they end. What served once is good.
        has_shared_volume: Whether Jobs fetch.
        has_spare: Whether a node has room for a pod more than there are replicas.
        is_hub_up: Whether models can be fetched.
        ready: Pods that serve.
        fetched: Versions on the volume.
        is_shadowed: Whether new versions are compared first.
        compares: Whether callers send what can be compared.
        taus: How new versions agree with the one that serves.
        shadow: The version beside the one that serves, and how often it was compared.
        least_ready: Fewest pods that ever served.
    """

    has_shared_volume: bool
    allow_downtime: bool
    asked: Version = VERSIONS[0]
    fates: dict[Version, str] = field(default_factory=dict)
    has_spare: bool = True
    has_slot: bool = True
    is_hub_up: bool = True
    is_suspended: bool = False
    is_shadowed: bool = False
    compares: bool = True
    taus: dict[Version, float] = field(default_factory=dict)
    shadow: Version | None = None
    shadow_is_ready: bool = False
    is_fed: bool = False
    comparisons: int = 0
    retry: str = ""
    rollback: str = ""
    record: str = ""
    template: Version = VERSIONS[0]
    mode: str = "surge"
    job: Version | None = None
    ready: Counter[Version] = field(default_factory=lambda: Counter({VERSIONS[0]: REPLICAS}))
    fetched: set[Version] = field(default_factory=lambda: {VERSIONS[0]})
    served: set[Version] = field(default_factory=lambda: {VERSIONS[0]})
    least_ready: int = REPLICAS
    now_s: float = 0.0
    rolled_s: float = 0.0
    progressed_s: float = 0.0
    shadowed_s: float = 0.0

    def round(self) -> Decision | None:
        """The operator looks, as one that has just started would."""
        if self.is_suspended:
            return None
        record = honoured(Record.parse(self.record), self.retry)
        kept = next((each for each in VERSIONS if each.revision == self.rollback), None)
        record = pinned(record, self.rollback, self.asked, kept)
        wanted = record.pin.version if record.pin and record.pin.version else self.asked
        policy = Policy(
            allow_downtime=self.allow_downtime,
            surge_wait_s=TICK_S,
            deadline_s=DEADLINE_S,
            shadow=SHADOW_POLICY if self.is_shadowed and wanted == self.asked else None,
        )
        asked, shadow = Asked(wanted, "shape", policy), self._shadow(wanted)
        decision = decide(asked, record, self._live(), self._fetch(wanted), self._stamp(), shadow)
        self._apply(decision)
        return decision

    def tick(self) -> None:
        """Time passes, and the controllers do one thing each."""
        self.now_s += TICK_S
        if self.job is not None and self.is_hub_up and self._fate(self.job) == GOOD:
            self.fetched.add(self.job)
        self._roll_on()
        self._compare()
        self.least_ready = min(self.least_ready, self.ready.total())
        if self._is_complete():
            self.served.add(self.template)

    @property
    def is_serving(self) -> bool:
        """Whether all replicas serve: pods get ready only with a version that is good."""
        return self.ready.total() >= REPLICAS

    def _live(self) -> Live:
        is_late = self.now_s - self.progressed_s >= DEADLINE_S and not self._is_complete()
        return Live(
            version=self.template,
            is_complete=self._is_complete(),
            has_served=self.ready[self.template] > 0,
            timed_out_at=self._stamp(self.progressed_s + DEADLINE_S) if is_late else "",
            trouble=self._trouble(),
            unschedulable_s=None if self._has_room() else self.now_s - self.rolled_s,
            start_s=30,
            feeds=self.is_fed,
        )

    def _fetch(self, wanted: Version) -> Fetch:
        if not self.has_shared_volume or wanted == self.template:
            return Fetch()
        if wanted in self.fetched and self.job == wanted:
            return Fetch(FetchStep.DONE)
        if self.job == wanted and self._fate(wanted) != GOOD:
            return Fetch(FetchStep.RUNNING, Trouble(self._fate(wanted), "It failed.", "p"))
        return Fetch(FetchStep.RUNNING)

    def _shadow(self, wanted: Version) -> Shadow:
        if self.shadow != wanted:
            return Shadow()
        fate = self._fate(wanted)
        is_overdue = not self.shadow_is_ready and self.now_s - self.shadowed_s >= DEADLINE_S
        return Shadow(
            is_ready=self.shadow_is_ready,
            trouble=None if fate == GOOD else Trouble(fate, "It failed.", "p"),
            is_overdue=is_overdue,
            comparisons=self.comparisons,
            kendall_tau=self.taus.get(wanted, 1.0) if self.comparisons else None,
        )

    def _compare(self) -> None:
        if self.shadow is None:
            return
        self.shadow_is_ready = self._fate(self.shadow) == GOOD and self.has_spare
        if self.shadow_is_ready and self.compares and self.is_fed:
            self.comparisons += 5

    def _apply(self, decision: Decision) -> None:
        self.job = decision.fetches
        if decision.shadows != self.shadow:
            self.shadow, self.shadow_is_ready, self.comparisons = decision.shadows, False, 0
            self.shadowed_s = self.now_s
        changes = decision.version != self.template and not decision.holds_template
        if not decision.holds_template and not decision.restores and self.has_slot:
            self.is_fed = self.is_shadowed
        if changes and not self.has_slot and not decision.is_return:
            self.record = decision.held_record.text()
            return
        self.record, self.mode = decision.record.text(), decision.mode or "surge"
        if changes:
            self.template, self.rolled_s, self.progressed_s = decision.version, self.now_s, self.now_s

    def _roll_on(self) -> None:
        others = [each for each in self.ready if each != self.template and self.ready[each]]
        total = self.ready.total()
        if self.mode == "inPlace" and others and total == REPLICAS and self.ready[self.template] < REPLICAS:
            self.ready[others[0]] -= 1
            self.progressed_s = self.now_s
        elif self.ready[self.template] < REPLICAS and self._has_room() and self._fate(self.template) == GOOD:
            self.ready[self.template] += 1
            self.progressed_s = self.now_s
        if others and self.ready.total() > REPLICAS:
            self.ready[others[0]] -= 1
        self.ready = +self.ready

    def _has_room(self) -> bool:
        return self._is_complete() or self.has_spare or self.ready.total() < REPLICAS

    def _trouble(self) -> Trouble | None:
        if self._is_complete():
            return None
        if not self._has_room():
            return Trouble("Unschedulable", "No node.", "p")
        fate = self._fate(self.template)
        return None if fate == GOOD else Trouble(fate, "It failed.", "p")

    def _fate(self, version: Version) -> str:
        return GOOD if version in self.served else self.fates.get(version, GOOD)

    def _is_complete(self) -> bool:
        return self.ready == Counter({self.template: REPLICAS})

    def _stamp(self, seconds: float | None = None) -> str:
        begun = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        moment = begun + dt.timedelta(seconds=self.now_s if seconds is None else seconds)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


ENDS = (State.ACTIVE, State.ROLLED_BACK)
