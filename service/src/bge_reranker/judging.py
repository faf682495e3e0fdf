"""What a loaded model must pass before it serves: its authors' published logits, and the relevance gate."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from .errors import (
    CapacityError,
    DeadlineExceeded,
    GateFailed,
    InternalError,
    ReferenceUnavailable,
    RerankerError,
    SelfCheckFailed,
    SettingsError,
    WorkerDied,
)
from .evaluation.golden_set import GateInput, read_gate
from .evaluation.verdict import CutOffEquivalent, GateVerdict
from .guard.api_keys import load_internal_token
from .model.checks.selfcheck import MODEL, run_selfcheck
from .peers.asking import PeerSilent
from .peers.reference import PeerRefused
from .peers.service import Peer, Peers, ServicePeers
from .ranking.request import RankRequest
from .ranking.served_model import ServedModel
from .settings import Settings

_PAUSE_S = 2.0
"""Seconds between two tries to have another server rank."""

_SELF_CHECK_S = 120.0
"""Longest time for the eleven short pairs of the self-check, on the slowest processor."""

_GROSS = 10.0
"""Times the bound of its precision that a logit may differ from the published one before the model is refused. Other
libraries and processors stay within the bound; other weights differ by hundreds of it."""

Logits = list[NDArray[np.float64]]

_log = structlog.get_logger("bge_reranker.gate")


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate, ready to judge."""

    input: GateInput
    peers: Peers
    timeout_s: float


def load_gate(settings: Settings) -> Gate | None:
    """Read what the settings say of the gate; None where there is none.

    Raises:
        SettingsError: If a file cannot be read, or a package is missing.
        GateInputChanged: If the golden set is not the one that they name.
        InvalidJudgements: If the golden set is none.
    """
    found = read_gate(settings.gate)
    if found is None:
        return None
    for package in ("ir_measures", "scipy"):
        if find_spec(package) is None:
            raise SettingsError(f"The gate needs the package {package}.", remedy="Install bge-reranker[gate].")
    return Gate(found, _peers(settings), settings.gate.timeout_s)


def _peers(settings: Settings) -> Peers:
    http, hosts = settings.http, settings.gate.peers or ""
    certificates = None if http.tls_cert_file is None else Path(http.tls_cert_file)
    token = load_internal_token(settings.guard)
    return ServicePeers(hosts, http.port, http.management_port, token, certificates=certificates)


def check_published(model: ServedModel) -> None:
    """Compare a model with the logits that its authors published, where it is the one that they published.

    Raises:
        SelfCheckFailed: If they are those of other weights.
    """
    if model.name != MODEL:
        return

    def score(pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [_logits_of(model, query, [document], _SELF_CHECK_S)[0] for query, document in pairs]

    report = run_selfcheck(score, model.description.precision)
    worst = max(report.rows, key=lambda row: row.difference / row.tolerance)
    figures = {"difference": worst.difference, "bound": worst.tolerance, "published": worst.pair.logit}
    # Not a number is never within anything.
    if not worst.difference <= _GROSS * worst.tolerance:
        raise SelfCheckFailed(
            f"A logit of {MODEL} is {worst.logit:.4f}; {worst.pair.logit:.4f} was published.", figures=figures
        )
    (_log.info if report.passed else _log.warning)("self_check", passed=report.passed, **figures)


def pass_gate(
    gate: Gate,
    model: ServedModel,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> GateVerdict:
    """Judge a model, unless a ready server has passed the same gate with the same version.

    Args:
        gate: What is demanded.
        model: Warmed up.
        clock: Seconds, monotonic.
        pause: Waits for seconds.

    Raises:
        GateFailed: If the model misses a threshold, or cannot score the golden set.
        ReferenceUnavailable: If a ready server of another version did not rank the golden set in time.
        DeadlineExceeded: If this model did not.
    """
    began = clock()
    if (carried := _carried(gate, model, gate.peers.ready())) is not None:
        return carried
    logits = _own_logits(gate, model, began + gate.timeout_s, clock)
    reference = _Reference()
    if gate.input.thresholds.needs_reference:
        found = _reference(gate, model, began + gate.timeout_s, clock, pause)
        if isinstance(found, GateVerdict):
            return found
        reference = found
    from .evaluation.gate import judge  # noqa: PLC0415 - its libraries take seconds and memory, and most never judge

    judgement = judge(gate.input.cases, logits, reference.logits, gate.input.thresholds)
    problem = {"reference_problem": reference.problem} if reference.problem else {}
    verdict = judgement.verdict(gate.input.hash, reference.digest, seconds=round(clock() - began, 3), **problem)
    _say(verdict)
    verdict.require_passed()
    return verdict


@dataclass(frozen=True, slots=True)
class _Reference:
    """How the serving version ranks, where one does."""

    logits: Logits | None = None
    digest: str | None = None
    problem: str = ""
    """Why a ready server of another version was of no use."""


def _carried(gate: Gate, model: ServedModel, peers: Sequence[Peer]) -> GateVerdict | None:
    """The verdict of a ready server of the same version, if it is on the same gate."""
    for peer in peers:
        found = peer.info.gate
        if found is None or found.hash != gate.input.hash or found.verdict == "failed" or not _is_same(peer, model):
            continue
        cut_offs = tuple(CutOffEquivalent(each.name, each.score, each.equivalent) for each in found.cut_offs)
        verdict = GateVerdict(gate.input.hash, "carried", found.figures, cut_offs, found.reference_digest)
        _say(verdict, peer=peer.address)
        return verdict
    return None


def _is_same(peer: Peer, model: ServedModel) -> bool:
    description = model.description
    return peer.info.serves(model.digest, description.precision, description.runtime, asdict(model.ranker.policy))


def _own_logits(gate: Gate, model: ServedModel, deadline: float, clock: Callable[[], float]) -> Logits:
    found: Logits = []
    for number, case in enumerate(gate.input.cases, 1):
        try:
            left_s = deadline - clock()
            if left_s <= 0:
                raise DeadlineExceeded("no time is left")
            found.append(_logits_of(model, case.query, case.documents, left_s))
        except CapacityError as error:
            raise DeadlineExceeded(
                f"The gate did not end within {gate.timeout_s:g} s (gate.timeoutS): {number - 1} of "
                f"{len(gate.input.cases)} queries of the golden set were ranked.",
                remedy="Raise it, shorten the golden set, or give the process more processors or a GPU.",
                figures={"ranked": number - 1, "queries": len(gate.input.cases), "timeout_s": gate.timeout_s},
            ) from error
        except (WorkerDied, InternalError):
            raise
        except RerankerError as error:
            raise GateFailed(
                f"Query {number} of the golden set could not be ranked ({error.code}): {error.message}",
                remedy=error.remedy,
                figures={"query": number, "code": error.code},
            ) from error
    return found


def _logits_of(model: ServedModel, query: str, documents: list[str], deadline_s: float) -> NDArray[np.float64]:
    ranking = model.ranker.rank(RankRequest(query, documents), deadline_s)
    ranking.require_all()
    return ranking.logits.astype(np.float64)


def _reference(
    gate: Gate, model: ServedModel, deadline: float, clock: Callable[[], float], pause: Callable[[float], None]
) -> _Reference | GateVerdict:
    """Have a ready server of another version rank, or find that another one of this version has been judged meanwhile.

    Who refuses is not asked again, and who is silent is, for as long as it says that it is ready.
    """
    questions = [(case.query, case.documents) for case in gate.input.cases]
    refusals: dict[str, str] = {}
    while True:
        peers = gate.peers.ready()
        if (carried := _carried(gate, model, peers)) is not None:
            return carried
        others = [peer for peer in peers if not _is_same(peer, model) and peer.address not in refusals]
        if not others:
            return _Reference(problem="; ".join(refusals.values()))
        silences: list[str] = []
        for peer in others:
            try:
                logits = gate.peers.logits(peer, questions, max(0.0, deadline - clock()))
                return _Reference(logits, peer.info.model.digest)
            except PeerRefused as error:
                refusals[peer.address] = f"{peer.address}: {error}"
                _log.warning("gate_reference_refused", peer=peer.address, reason=str(error))
            except PeerSilent as error:
                silences.append(f"{peer.address}: {error}")
        if silences and clock() + _PAUSE_S >= deadline:
            raise ReferenceUnavailable(
                f"The version that serves did not rank the golden set within {gate.timeout_s:g} s (gate.timeoutS): "
                f"{'; '.join(silences)}.",
                figures={"timeout_s": gate.timeout_s},
            )
        if silences:
            pause(_PAUSE_S)


def _say(verdict: GateVerdict, **facts: str) -> None:
    # Queries are texts, which no log has.
    figures = {name: value for name, value in verdict.figures.items() if name != "worse"}
    cut_offs = [cut_off.as_json() for cut_off in verdict.cut_offs]
    _log.info("gate", verdict=verdict.verdict, hash=verdict.hash, figures=figures, cut_offs=cut_offs, **facts)
