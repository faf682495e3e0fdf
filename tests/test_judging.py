"""What a starting server decides about its model, beside others that are there, are not, or do not answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typing_extensions import override

from bge_reranker.configuration import load_settings
from bge_reranker.errors import (
    DeadlineExceeded,
    GateFailed,
    ReferenceUnavailable,
    SelfCheckFailed,
    SettingsError,
    WorkerDied,
)
from bge_reranker.evaluation.cases import read_cases
from bge_reranker.evaluation.golden_set import read_gate
from bge_reranker.judging import Gate, check_published, load_gate, pass_gate
from bge_reranker.model.checks.selfcheck import GOLDEN_PAIRS, MODEL
from bge_reranker.observe.metrics import Metrics
from bge_reranker.peers.asking import PeerSilent
from bge_reranker.peers.info import PeerInfo
from bge_reranker.peers.reference import Logits, PeerRefused, Question
from bge_reranker.peers.service import Peer
from bge_reranker.ranking.ranker import NOBODY, Asker, Ranker
from bge_reranker.ranking.ranking import Ranking, Timing
from bge_reranker.ranking.request import RankRequest
from bge_reranker.ranking.served_model import ServedModel
from bge_reranker.settings import GateSettings
from tests.live.scripted_scorer import ScriptedScorer
from tests.live.server import model_of

GOLDEN_SET = """\
{"query": "q", "positive": ["good good"], "negative": ["bad bad", "good bad bad"]}
{"query": "another", "candidates": [{"text": "good", "grade": 1}, {"text": "bad", "grade": 0}]}
"""
SAME, OTHER = "d" * 64, "e" * 64
RIGHT: Logits = [
    np.array([float(text.count("good") - text.count("bad")) for text in case.documents])
    for case in read_cases(GOLDEN_SET, "golden")
]
"""As the scripted scorer ranks."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedModel]:
    """A real engine around a scorer that counts `good` and `bad`."""
    with ThreadPoolExecutor(1) as executor:
        settings = load_settings(flags={"log_level": "error"})
        served = model_of(tmp_path_factory.mktemp("model"), settings, ScriptedScorer(), Metrics(), executor)
        yield served
        served.close()


@dataclass
class FakePeers:
    """Others as a test says they are: one list for each time that somebody looks, the last one from then on."""

    seen: list[list[Peer]]
    answers: dict[str, Logits | Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def ready(self) -> Sequence[Peer]:
        return self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]

    def logits(self, peer: Peer, questions: Sequence[Question], limit_s: float) -> Logits:
        assert [query for query, _ in questions] == ["q", "another"]
        assert limit_s > 0
        self.asked.append(peer.address)
        answer = self.answers[peer.address]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class FakeClock:
    """Seconds that pass only where somebody pauses, or with each look."""

    now: float = 0.0
    step_s: float = 0.0

    def __call__(self) -> float:
        self.now += self.step_s
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def peer(model: ServedModel, address: str = "10.0.0.1", digest: str = SAME, **gate: Any) -> Peer:
    content = {
        "ready": True,
        "model": {"digest": digest},
        "scorer": {"precision": "float32", "runtime": "test"},
        "text": asdict(model.ranker.policy),
        "gate": {"figures": {"ndcg_at_10": 0.5}, "cut_offs": [], "reference_digest": None, **gate} if gate else None,
    }
    return Peer(address, PeerInfo.model_validate(content))


def gate(peers: FakePeers, **settings: Any) -> Gate:
    found = read_gate(GateSettings(golden_set=GOLDEN_SET, **settings))
    assert found is not None
    return Gate(found, peers, 60.0)


def nobody() -> FakePeers:
    return FakePeers([[]])


def passing(each: Gate, model: ServedModel) -> Any:
    clock = FakeClock()
    return pass_gate(each, model, clock, clock.pause)


def test_alone_a_model_is_judged_by_absolute_thresholds(model: ServedModel) -> None:
    verdict = passing(gate(nobody(), min_ndcg_at_10=1.0), model)
    assert (verdict.verdict, verdict.reference_digest) == ("passed", None)
    assert verdict.figures["ndcg_at_10"] == pytest.approx(1)
    assert "kendall_tau" not in verdict.figures


def test_alone_a_model_comes_up_where_only_a_comparison_is_demanded(model: ServedModel) -> None:
    each = gate(nobody(), max_ndcg_loss=0.0, min_kendall_tau=1.0, cut_offs="a=0.5:0.0")
    assert passing(each, model).verdict == "passed"


def test_a_model_that_misses_a_threshold_is_refused_with_its_figures(model: ServedModel) -> None:
    golden = '{"query": "q", "positive": ["bad"], "negative": ["good"]}'
    found = read_gate(GateSettings(golden_set=golden, min_ndcg_at_10=0.9))
    assert found is not None
    with pytest.raises(GateFailed, match=r"nDCG@10 is 0\.6309; at least 0\.9") as raised:
        passing(Gate(found, nobody(), 60.0), model)
    assert raised.value.figures["hash"] == found.hash


@pytest.mark.parametrize("verdict", ["passed", "carried"])
def test_a_model_that_a_ready_server_has_passed_with_is_not_judged_again(model: ServedModel, verdict: str) -> None:
    each = gate(nobody(), min_ndcg_at_10=1.0)
    judged = peer(model, hash=each.input.hash, verdict=verdict, reference_digest=OTHER)
    carried = passing(replace(each, peers=FakePeers([[judged]])), model)
    assert (carried.verdict, carried.reference_digest) == ("carried", OTHER)
    assert carried.figures == {"ndcg_at_10": 0.5}


def test_what_was_judged_otherwise_is_judged_here(model: ServedModel) -> None:
    each = gate(nobody(), min_ndcg_at_10=1.0)
    own = each.input.hash
    others = [
        peer(model),
        peer(model, hash="0" * 64, verdict="passed"),
        peer(model, hash=own, verdict="failed"),
        peer(model, digest=OTHER, hash=own, verdict="passed"),
    ]
    assert passing(replace(each, peers=FakePeers([others])), model).verdict == "passed"


def test_a_ready_server_of_another_version_is_the_reference(model: ServedModel) -> None:
    peers = FakePeers([[peer(model, digest=OTHER)]], {"10.0.0.1": RIGHT})
    verdict = passing(gate(peers, max_ndcg_loss=0.0, cut_offs="a=0.5"), model)
    assert (verdict.verdict, verdict.reference_digest) == ("passed", OTHER)
    assert verdict.figures["reference_ndcg_at_10"] == pytest.approx(1)
    assert verdict.cut_offs[0].equivalent == pytest.approx(0.5)


def test_a_model_that_is_worse_than_the_serving_one_is_refused(model: ServedModel) -> None:
    peers = FakePeers([[peer(model, digest=OTHER)]], {"10.0.0.1": [-row for row in RIGHT]})
    with pytest.raises(GateFailed, match="Kendall tau with the serving version is -1") as raised:
        passing(gate(peers, min_kendall_tau=0.5), model)
    assert raised.value.figures["reference_digest"] == OTHER


def test_nobody_is_asked_to_rank_where_nothing_is_compared(model: ServedModel) -> None:
    peers = FakePeers([[peer(model, digest=OTHER)]])
    assert passing(gate(peers, min_ndcg_at_10=0.5), model).verdict == "passed"
    assert peers.asked == []


def test_a_server_of_the_same_version_is_no_reference(model: ServedModel) -> None:
    peers = FakePeers([[peer(model)]])
    assert passing(gate(peers, max_ndcg_loss=0.0), model).reference_digest is None
    assert peers.asked == []


def test_a_server_that_refuses_is_left_out_and_said(model: ServedModel) -> None:
    others = [peer(model, address, OTHER) for address in ("10.0.0.1", "10.0.0.2")]
    peers = FakePeers([others], {"10.0.0.1": PeerRefused("it answered 401"), "10.0.0.2": RIGHT})
    assert passing(gate(peers, max_ndcg_loss=0.0), model).reference_digest == OTHER
    peers = FakePeers([others[:1]], {"10.0.0.1": PeerRefused("it answered 401")})
    verdict = passing(gate(peers, max_ndcg_loss=0.0), model)
    assert (verdict.verdict, verdict.reference_digest) == ("passed", None)
    assert verdict.figures["reference_problem"] == "10.0.0.1: it answered 401"


def test_a_ready_server_that_stays_silent_stops_the_start_until_the_next_try(model: ServedModel) -> None:
    peers = FakePeers([[peer(model, digest=OTHER)]], {"10.0.0.1": PeerSilent("it answered 429")})
    with pytest.raises(ReferenceUnavailable, match=r"within 60 s .*10\.0\.0\.1: it answered 429"):
        passing(gate(peers, max_ndcg_loss=0.0), model)
    assert len(peers.asked) > 5


def test_a_silent_server_that_goes_away_is_not_waited_for(model: ServedModel) -> None:
    silent = peer(model, digest=OTHER)
    peers = FakePeers([[silent], [silent], []], {"10.0.0.1": PeerSilent("it did not answer")})
    assert passing(gate(peers, max_ndcg_loss=0.0), model).reference_digest is None
    assert peers.asked == ["10.0.0.1"]


def test_a_server_that_has_been_judged_meanwhile_ends_the_wait(model: ServedModel) -> None:
    each = gate(nobody(), max_ndcg_loss=0.0)
    judged = peer(model, "10.0.0.2", hash=each.input.hash, verdict="passed")
    silent = peer(model, digest=OTHER)
    peers = FakePeers([[silent], [silent], [silent, judged]], {"10.0.0.1": PeerSilent("it did not answer")})
    assert passing(replace(each, peers=peers), model).verdict == "carried"


def test_a_golden_set_that_takes_too_long_ends_with_how_far_it_got(model: ServedModel) -> None:
    clock = FakeClock(step_s=40.0)
    with pytest.raises(DeadlineExceeded, match=r"did not end within 60 s .*: 1 of 2 queries") as raised:
        pass_gate(gate(nobody(), min_ndcg_at_10=0.5), model, clock, clock.pause)
    assert raised.value.figures["ranked"] == 1


def test_a_golden_set_with_a_text_that_gets_no_score_is_not_passed(model: ServedModel) -> None:
    golden = '{"query": "q", "positive": ["good"], "negative": ["nan"]}'
    found = read_gate(GateSettings(golden_set=golden))
    assert found is not None
    with pytest.raises(GateFailed, match=r"Query 1 of the golden set could not be ranked \(NonFiniteScore\)"):
        passing(Gate(found, nobody(), 60.0), model)


def test_a_worker_that_dies_of_the_golden_set_is_no_verdict(tmp_path: Path) -> None:
    found = read_gate(GateSettings(golden_set='{"query": "q", "positive": ["good"], "negative": ["die"]}'))
    assert found is not None
    with ThreadPoolExecutor(1) as executor:
        dying = model_of(tmp_path, load_settings(), ScriptedScorer(), Metrics(), executor)
        with pytest.raises(WorkerDied):
            passing(Gate(found, nobody(), 60.0), dying)


def test_peers_need_ports_that_are_known() -> None:
    flags = {"golden_set": GOLDEN_SET, "peers": "headless"}
    with pytest.raises(SettingsError, match=r"gate\.peers needs http\.port above 0"):
        load_settings(flags={**flags, "port": 0})
    assert load_gate(load_settings(flags=flags)) is not None
    assert load_gate(load_settings()) is None


class PublishedRanker(Ranker):
    """Gives the published logits, changed by a function."""

    def __init__(self, change: Callable[[float], float]) -> None:
        self._change = change

    @override
    def rank(self, request: RankRequest, deadline_s: float, asker: Asker = NOBODY) -> Ranking:
        assert deadline_s > 0
        logits = {(pair.query, pair.document): pair.logit for pair in GOLDEN_PAIRS}
        found = [self._change(logits[request.query, document]) for document in request.documents]
        count = len(found)
        return Ranking(
            np.array(found, np.float32), {}, np.ones(count, np.int32), np.zeros(count, np.bool_), Timing(0, 0, 0)
        )


def published(model: ServedModel, change: Callable[[float], float], name: str = MODEL) -> ServedModel:
    return replace(model, name=name, ranker=PublishedRanker(change))


def test_the_published_model_is_compared_with_what_was_published(model: ServedModel) -> None:
    check_published(published(model, lambda logit: logit))
    # Another library's rounding is no reason to serve nothing.
    check_published(published(model, lambda logit: logit + 0.01))


@pytest.mark.parametrize("change", [lambda _: 0.0, lambda logit: -logit, lambda logit: logit + 0.5, lambda _: math.nan])
def test_other_weights_under_the_published_name_are_refused(
    model: ServedModel, change: Callable[[float], float]
) -> None:
    with pytest.raises(SelfCheckFailed, match="was published"):
        check_published(published(model, change))
    check_published(published(model, change, name="acme/own-reranker"))
