from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch

from bge_reranker import Reranker
from bge_reranker.checkpoint_files import WEIGHTS_FILE
from bge_reranker.demo import demo_clip_directory
from bge_reranker.errors import SettingsError, WrongArchitecture
from bge_reranker.evaluation.cases import load_cases
from bge_reranker.store.manifest import read_manifest
from bge_reranker.store.verification import verify
from bge_reranker.tuning.failures import TrainingInterrupted
from bge_reranker.tuning.options import TuningOptions
from tests.tuning.tiny import OPTIONS, QUERIES, make_base, make_taught_texts, make_texts, run_of

pytestmark = pytest.mark.slow

HELD_OUT = 4


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base") / "base")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_texts(tmp_path_factory.mktemp("texts") / "texts.jsonl")


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_an_interrupted_run_goes_on_to_the_very_weights_of_one_that_was_not(
    base: Path, texts: Path, tmp_path: Path
) -> None:
    whole = folder(tmp_path / "whole")
    run_of(base, texts, tmp_path / "work-1").train_into(whole, "whole")

    def end_in_the_middle(done: int, _all: int) -> None:
        if done == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    broken = folder(tmp_path / "broken")
    with pytest.raises(TrainingInterrupted, match="after step 3 of 8"):
        run_of(base, texts, tmp_path / "work-2", on_step=end_in_the_middle).train_into(broken, "resumed")
    assert list(broken.iterdir()) == []
    # As a process that was killed while it wrote the next one would leave it.
    for name, state in (("checkpoint-4", None), ("checkpoint-5", '{"global_step": 5')):
        unfinished = folder(tmp_path / "work-2" / name)
        (unfinished / "trained.safetensors").write_bytes(b"")
        if state is not None:
            (unfinished / "trainer_state.json").write_text(state, encoding="utf-8")
    steps: list[int] = []
    run = run_of(base, texts, tmp_path / "work-2", on_step=lambda done, _: steps.append(done))
    run.train_into(broken, "resumed")
    run.forget()

    assert steps == [4, 5, 6, 7, 8]
    assert not (tmp_path / "work-2").exists()
    assert (whole / WEIGHTS_FILE).read_bytes() == (broken / WEIGHTS_FILE).read_bytes()
    assert (whole / WEIGHTS_FILE).read_bytes() != (base / WEIGHTS_FILE).read_bytes()


@pytest.mark.parametrize("record", [b"", b'{"run": "ab', b"[]", b"\xff"])
def test_a_torn_record_of_a_run_counts_as_that_of_another(
    base: Path, texts: Path, tmp_path: Path, record: bytes
) -> None:
    work = folder(tmp_path / "work")
    (work / "run.json").write_bytes(record)
    (folder(work / "checkpoint-5") / "trainer_state.json").write_text('{"global_step": 5}', encoding="utf-8")
    steps: list[int] = []

    def end_at_once(done: int, _all: int) -> None:
        steps.append(done)
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(TrainingInterrupted, match="after step 1 of 8"):
        run_of(base, texts, work, on_step=end_at_once).train_into(folder(tmp_path / "made"), "made")
    assert steps == [1]


def test_a_dual_encoder_is_no_base(texts: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongArchitecture, match=r"is a dual encoder \(CLIPModel\); cross-encoders are trained here"):
        run_of(demo_clip_directory(), texts, tmp_path / "work")


def test_adapters_are_merged_into_a_version_with_manifest_card_and_held_out_queries(
    base: Path, texts: Path, tmp_path: Path
) -> None:
    made = folder(tmp_path / "made")
    report = run_of(base, texts, tmp_path / "work", replace(OPTIONS, lora_rank=4, loss="binary")).train_into(
        made, "made"
    )

    manifest = read_manifest(made)
    verify(made, manifest)
    assert manifest.provenance is not None
    assert manifest.provenance.source == f"finetune:{base}"
    assert len(load_cases(made / "held-out.jsonl")) == HELD_OUT
    figures = json.loads((made / "training.json").read_text(encoding="utf-8"))
    assert figures["used_queries"] == QUERIES - HELD_OUT
    card = (made / "README.md").read_text(encoding="utf-8")
    assert f"{report.comparisons[0].differences['ndcg_at_10'].signed()}" in card
    assert "Adapters of rank 4" in card
    assert "<svg" in (made / "training.svg").read_text(encoding="utf-8")
    assert (made / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()
    with Reranker(made) as tuned, Reranker(base) as before:
        case = load_cases(made / "held-out.jsonl")[0]
        assert tuned.logits(case.query, case.documents) != before.logits(case.query, case.documents)


def test_looking_ahead_measures_and_changes_nothing(base: Path, texts: Path, tmp_path: Path) -> None:
    run = run_of(base, texts, tmp_path / "work")
    before = {name: weight.clone() for name, weight in run._network.state_dict().items()}

    outlook = run.look_ahead()

    assert outlook.steps == 8
    assert outlook.seconds > 0
    assert outlook.memory_bytes > 0
    after = run._network.state_dict()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())


def test_a_checkpoint_of_other_options_is_not_gone_on_from(base: Path, texts: Path, tmp_path: Path) -> None:
    def end_at_once(_done: int, _all: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(TrainingInterrupted):
        run_of(base, texts, tmp_path / "work", on_step=end_at_once).train_into(folder(tmp_path / "a"), "a")
    steps: list[int] = []
    other = run_of(base, texts, tmp_path / "work", replace(OPTIONS, seed=1), lambda done, _: steps.append(done))
    other.train_into(folder(tmp_path / "b"), "b")

    assert steps[0] == 1


@pytest.mark.parametrize(
    ("options", "loss"),
    [
        (replace(OPTIONS, loss="lambda", accumulate=2, evaluations=2), "lambda"),
        (replace(OPTIONS, gradient_checkpointing=True, mining="model", documents=4), "listwise"),
    ],
    ids=["lambda-accumulated", "checkpointed-mined"],
)
def test_each_choice_changes_the_weights_by_its_loss(
    base: Path, texts: Path, tmp_path: Path, options: TuningOptions, loss: str
) -> None:
    assert_trained(base, texts, tmp_path, options, loss)


def test_a_teacher_s_scores_are_distilled(base: Path, tmp_path: Path) -> None:
    assert_trained(base, make_taught_texts(tmp_path / "taught.jsonl"), tmp_path, OPTIONS, "distil")


def assert_trained(base: Path, texts: Path, folder_of_test: Path, options: TuningOptions, loss: str) -> None:
    made = folder(folder_of_test / "made")
    run_of(base, texts, folder_of_test / "work", options).train_into(made, "made")
    assert json.loads((made / "training.json").read_text(encoding="utf-8"))["loss"] == loss
    assert (made / WEIGHTS_FILE).read_bytes() != (base / WEIGHTS_FILE).read_bytes()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("form", ["fp16", "bf16"])
def test_a_number_format_of_gpus_is_refused_without_one(
    base: Path, texts: Path, tmp_path: Path, form: Literal["fp16", "bf16"]
) -> None:
    with pytest.raises(SettingsError, match=f"--mixed-precision {form} needs a GPU"):
        run_of(base, texts, tmp_path / "work", replace(OPTIONS, mixed_precision=form))
