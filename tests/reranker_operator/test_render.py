from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from reranker_operator.errors import InvalidSpec, OperatorError, RenderFailed
from reranker_operator.render import KEPT_BYTES, HelmRenderer, chart_digest, failure
from reranker_operator.resource import Key

KEY = Key("search", "products")


def program(folder: Path, script: str) -> Path:
    path = folder / "helm"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def renderer(folder: Path, script: str, limit_s: float = 30, max_kept_bytes: int = KEPT_BYTES) -> HelmRenderer:
    chart = folder / "chart"
    chart.mkdir(exist_ok=True)
    (chart / "Chart.yaml").write_text("name: x\n")
    return HelmRenderer(program(folder, script), chart, "v1.34.4", limit_s, max_kept_bytes)


def test_the_same_values_start_helm_once(tmp_path: Path) -> None:
    helm = renderer(tmp_path, 'echo "kind: Service"; echo ---; cat >/dev/null; echo "kind: Deployment"')

    async def thrice() -> None:
        for replicas in (1, 1, 2):
            assert [body["kind"] for body in await helm.render(KEY, {"replicas": replicas})] == [
                "Service",
                "Deployment",
            ]

    asyncio.run(thrice())
    assert helm.program_runs == 2


@pytest.mark.parametrize("text", ["\U0001f600", r"\ud83d\ude00", "\\\U0001f600", "\\", "\U0010ffff\U0001f600"])
def test_a_sign_beyond_16_bits_is_written_as_yaml_has_it(tmp_path: Path, text: str) -> None:
    helm = renderer(tmp_path, 'printf "values: "; cat')
    assert asyncio.run(helm.render(KEY, {"note": text})) == [{"values": {"note": text}}]


def test_helm_gets_no_pair_of_escapes(tmp_path: Path) -> None:
    helm = renderer(tmp_path, f"cat >{tmp_path}/values")
    asyncio.run(helm.render(KEY, {"note": "\U0001f600"}))
    assert (tmp_path / "values").read_text() == '{"note": "\\U0001f600"}'


@pytest.mark.parametrize("text", ["=", "<<", "2026-01-01"])
def test_what_helm_prints_without_quotes_is_a_text(tmp_path: Path, text: str) -> None:
    helm = renderer(tmp_path, f'cat >/dev/null; echo "note: {text}"')
    assert asyncio.run(helm.render(KEY, {})) == [{"note": text}]


def test_what_is_no_yaml_is_reported_and_tried_again(tmp_path: Path) -> None:
    helm = renderer(tmp_path, "cat >/dev/null; echo '{'")
    with pytest.raises(RenderFailed, match="no YAML"):
        asyncio.run(helm.render(KEY, {}))


def test_what_is_given_back_may_be_changed_by_its_taker(tmp_path: Path) -> None:
    helm = renderer(tmp_path, 'cat >/dev/null; echo "kind: Service"')

    async def twice() -> None:
        (await helm.render(KEY, {}))[0]["kind"] = "Changed"
        assert (await helm.render(KEY, {}))[0]["kind"] == "Service"

    asyncio.run(twice())


def test_renderings_are_forgotten_when_they_take_too_much_those_not_asked_for_longest_first(tmp_path: Path) -> None:
    helm = renderer(tmp_path, 'printf "values: "; cat', max_kept_bytes=5000)
    large = {name: {"note": random.Random(name).randbytes(1000).hex()} for name in "abcde"}

    async def ask(*names: str) -> int:
        before = helm.program_runs
        for name in names:
            (body,) = await helm.render(KEY, large[name])
            assert body["values"] == large[name]
        return helm.program_runs - before

    async def check() -> None:
        assert await ask("a", "b", "c", "a") == 3
        assert await ask("d", "e") == 2
        assert await ask("e", "d", "a") == 0
        assert await ask("b") == 1

    asyncio.run(check())


def test_a_rendering_that_is_too_large_is_given_and_not_kept(tmp_path: Path) -> None:
    helm = renderer(tmp_path, 'cat >/dev/null; echo "kind: Service"', max_kept_bytes=1)
    for _ in range(2):
        assert asyncio.run(helm.render(KEY, {})) == [{"kind": "Service"}]
    assert helm.program_runs == 2


def test_values_go_in_as_they_are_and_the_words_name_namespace_and_version(tmp_path: Path) -> None:
    helm = renderer(tmp_path, 'printf "args: \\"%s\\"\\nvalues: " "$*"; cat')
    (body,) = asyncio.run(helm.render(KEY, {"quote": 'a"; rm -rf $HOME'}))
    assert body["values"] == {"quote": 'a"; rm -rf $HOME'}
    assert body["args"].startswith("template products ")
    assert "--no-hooks --skip-tests --kube-version=v1.34.4 --namespace=search --values=-" in body["args"]


def test_a_helm_that_hangs_is_killed_in_time_and_tried_again(tmp_path: Path) -> None:
    helm = renderer(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600", limit_s=0.5)
    for _ in range(2):
        with pytest.raises(RenderFailed, match=r"did not end within 0\.5 s"):
            asyncio.run(helm.render(KEY, {}))
    assert helm.program_runs == 2
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_refusal_of_the_values_is_remembered_and_quoted(tmp_path: Path) -> None:
    words = "Error: execution error at (x/templates/requirements.yaml:9:4): error calling fail: replicas is too much"
    helm = renderer(tmp_path, f'cat >/dev/null; echo "{words}" >&2; exit 1')
    for _ in range(2):
        with pytest.raises(InvalidSpec, match="The chart refuses the spec: replicas is too much"):
            asyncio.run(helm.render(KEY, {"replicas": -1}))
    assert helm.program_runs == 1


@pytest.mark.parametrize(
    ("complaint", "kind"),
    [
        ("Error: values don't meet the specifications of the schema(s):\n- replicas: Must be greater", InvalidSpec),
        ("Error: INSTALLATION FAILED: open chart: no such file", RenderFailed),
        ("", RenderFailed),
    ],
)
def test_helm_s_words_tell_whose_fault_it_was(complaint: str, kind: type[OperatorError]) -> None:
    assert type(failure(complaint, 1)) is kind


def test_of_a_refusal_only_the_chart_s_own_sentence_is_reported() -> None:
    complaint = (
        "Error: execution error at (x/y.yaml:15:4): give it a number.\n\nUse --debug flag to render out invalid YAML\n"
    )
    assert failure(complaint, 1).sentence() == "The chart refuses the spec: give it a number. Change the spec."


def test_the_digest_of_a_chart_changes_with_any_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = chart_digest(tmp_path)
    (tmp_path / "b").write_text("")
    with_b = chart_digest(tmp_path)
    (tmp_path / "a").write_text("2")
    assert len({before, with_b, chart_digest(tmp_path)}) == 3


def test_a_spec_that_talks_like_helm_does_not_cut_the_sentence() -> None:
    said = (
        'Error: execution error at (x.yaml:1:2): these values cannot work: - a is "error calling fail: b"; correct it.'
    )
    assert "a is" in failure(said, 1).message
