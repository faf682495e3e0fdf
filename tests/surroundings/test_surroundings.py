from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bge_reranker.demo import demo_model_directory
from bge_reranker.model.machine.processor import INT8_SETS

from .machine import control_group, one_core, processor_without
from .program import Refused, Served, serve

AVX512 = ("avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
VNNI = (*AVX512, "avx_vnni")
BOUND = 2e-3
"""How far a logit in float32 may be from another float32's."""

OLDER_PROCESSORS = {
    "no AVX512": (AVX512, "AVX2_VNNI"),
    "no VNNI": (VNNI, "AVX2"),
}
"""What the kernel does not list, and what oneDNN is told to stay below."""

NO_AVX2 = ((*VNNI, "avx2"), "SSE41")


def served(surroundings: list[str], model: Path | str = "demo", isa: str = "DEFAULT", **variables: str) -> Served:
    answer = serve(surroundings, model, {"ONEDNN_MAX_CPU_ISA": isa, **variables})
    assert isinstance(answer, Served), answer
    return answer


@pytest.fixture(scope="module")
def exact() -> Served:
    return served([])


@pytest.fixture(scope="module")
def exact_int8(quantised: Path) -> Served:
    return served([], quantised)


@pytest.mark.parametrize("name", OLDER_PROCESSORS)
def test_older_processor_serves_the_same_scores_in_float32_and_says_what_it_has(
    name: str, exact: Served, tmp_path: Path
) -> None:
    lost, isa = OLDER_PROCESSORS[name]
    answer = served(processor_without(*lost, scratch=tmp_path), isa=isa)
    assert set(answer.scorer["instruction_sets"]) == set(exact.scorer["instruction_sets"]) - set(lost)
    assert (answer.scorer["precision"], answer.scorer["notes"], answer.scorer["batch_invariant"]) == (
        "float32",
        [],
        True,
    )
    assert np.abs(np.subtract(answer.logits, exact.logits)).max() <= BOUND


@pytest.mark.parametrize("name", OLDER_PROCESSORS)
def test_quantised_model_keeps_its_scores_on_an_older_processor(
    name: str, quantised: Path, exact_int8: Served, tmp_path: Path
) -> None:
    lost, isa = OLDER_PROCESSORS[name]
    answer = served(processor_without(*lost, scratch=tmp_path), quantised, isa=isa)
    assert answer.scorer["precision"] == "int8"
    has_products = bool(INT8_SETS & set(answer.scorer["instruction_sets"]))
    assert any("no VNNI" in note for note in answer.scorer["notes"]) is not has_products
    assert np.abs(np.subtract(answer.logits, exact_int8.logits)).max() <= 0.02


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_processor_without_avx2_is_served_by_the_plain_network_which_says_so(
    precision: str, exact: Served, quantised: Path, exact_int8: Served, tmp_path: Path
) -> None:
    model, expected = ("demo", exact) if precision == "float32" else (quantised, exact_int8)
    answer = served(processor_without(*NO_AVX2[0], scratch=tmp_path), model, isa=NO_AVX2[1])
    assert answer.scorer["precision"] == precision
    assert answer.scorer["notes"][0].startswith("OpenVINO was replaced by the plain network, which is slow")
    assert np.abs(np.subtract(answer.logits, expected.logits)).max() <= BOUND


def test_processor_that_the_runtime_does_not_know_is_refused_with_the_remedy(tmp_path: Path) -> None:
    answer = serve(processor_without("sse4_2", scratch=tmp_path))
    assert isinstance(answer, Refused)
    assert answer.exit_code != 0
    assert "no SSE 4.2" in answer.words
    assert "runtime torch" in answer.words


def test_one_core_is_served_by_one_thread(exact: Served) -> None:
    answer = served(one_core())
    assert answer.scorer["threads"] == 1
    assert np.abs(np.subtract(answer.logits, exact.logits)).max() <= BOUND


def test_quota_of_half_a_core_is_served_by_one_thread(exact: Served) -> None:
    with control_group("cpu", {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "50000"}) as inside:
        answer = served(inside)
    assert answer.scorer["threads"] == 1
    assert np.abs(np.subtract(answer.logits, exact.logits)).max() <= BOUND


def test_too_little_memory_is_said_before_loading_with_the_numbers() -> None:
    limit = str(180 * 2**20)
    with control_group("memory", {"memory.limit_in_bytes": limit}) as inside:
        answer = serve(inside)
    assert isinstance(answer, Refused)
    assert "MiB of memory on cpu beside what is in use" in answer.words
    assert "MiB are free" in answer.words


def test_processes_of_different_processors_share_a_home_and_leave_nothing_in_it(exact: Served, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    variables = {name: str(home) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    for isa in ("DEFAULT", "AVX2"):
        answer = served([], isa=isa, **variables)
        assert np.abs(np.subtract(answer.logits, exact.logits)).max() <= BOUND
    assert list(home.iterdir()) == []


def test_read_only_model_is_served_and_nothing_is_written_into_it(exact: Served, tmp_path: Path) -> None:
    mount = (
        f'mount --bind "{demo_model_directory()}" "{tmp_path}" && mount -o remount,ro,bind "{tmp_path}" && exec "$@"'
    )
    processor_without(scratch=tmp_path)
    answer = served(["unshare", "--mount", "sh", "-c", mount, "sh"], tmp_path)
    assert answer.logits == exact.logits
