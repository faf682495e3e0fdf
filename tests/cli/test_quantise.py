from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from bge_reranker.cli.main import program
from bge_reranker.demo import demo_model_directory
from bge_reranker.engine.batch import pack
from bge_reranker.engine.scorer import Scorer
from bge_reranker.errors import CorruptFile, SettingsError, WrongArchitecture
from bge_reranker.model.load import load_scorer
from bge_reranker.model.machine.processor import (
    INT8_SETS,
    gains_by_bfloat16,
    instruction_sets,
    processor_vendor,
)
from bge_reranker.model.openvino import scorer as openvino_scorer
from bge_reranker.quantisation import Quantisation
from bge_reranker.reranker import Reranker
from bge_reranker.settings import ModelSettings
from tests.model.checkpoints import random_pairs

pytestmark = pytest.mark.slow

CPU = ModelSettings(device="cpu", threads=1)


@pytest.fixture(scope="module")
def scorer(quantised: Path) -> Scorer:
    scorer = load_scorer(quantised, CPU)
    scorer.warm_up(1024)
    return scorer


def test_quantised_model_carries_its_price_in_config_card_and_info(quantised: Path, scorer: Scorer) -> None:
    facts = json.loads((quantised / "config.json").read_text())["quantization_config"]
    price = facts["price"]["shipped"]
    assert facts["gate"] == "passed"
    assert facts["int8_layers"] > 0
    assert price["kendall_tau"] >= 0.98
    assert price["ndcg_loss"] < 0.005
    assert 0 < price["mean_difference"] <= price["p99_difference"] <= price["max_difference"]
    assert f"{price['kendall_tau']:.4f}" in (quantised / "README.md").read_text()
    assert scorer.description.precision == "int8"
    assert scorer.description.quantisation == facts


def test_quantised_pair_has_the_same_bits_alone_in_fifty_batches_and_in_both_orders(scorer: Scorer) -> None:
    assert_same_bits_in_fifty_batches(scorer)


def assert_same_bits_in_fifty_batches(scorer: Scorer) -> None:
    assert scorer.description.batch_invariant
    (watched,) = random_pairs([37], seed=9)
    alone = scorer.score(pack([watched])).tobytes()
    generator = np.random.default_rng(4)
    for seed in range(50):
        company = random_pairs(generator.integers(1, 79, generator.integers(1, 9)).tolist(), seed=seed)
        place = int(generator.integers(len(company) + 1))
        batch = [*company[:place], watched, *company[place:]]
        assert scorer.score(pack(batch))[place].tobytes() == alone
        assert scorer.score(pack(batch[::-1]))[len(company) - place].tobytes() == alone


def test_quantised_pairs_have_the_same_bits_by_any_number_of_threads(quantised: Path, scorer: Scorer) -> None:
    # An even number computes two calls at once.
    batch = pack(random_pairs([length for length in range(2, 79, 5) for _ in range(4)]))
    for threads in (2, 3, 4):
        several = load_scorer(quantised, ModelSettings(device="cpu", threads=threads))
        several.warm_up(1024)
        assert several.score(batch).tobytes() == scorer.score(batch).tobytes()


def test_command_refuses_a_folder_that_exists(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(program, ["quantise", "demo", "--to", "int8", "--output", str(tmp_path)])
    assert isinstance(outcome.exception, SettingsError)


def test_command_says_before_its_work_that_nothing_can_be_written_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    arguments = ["quantise", "demo", "--to", "int8", "--output", str(tmp_path / "file" / "model")]
    outcome = CliRunner().invoke(program, arguments)
    assert isinstance(outcome.exception, SettingsError)
    assert "--output" in outcome.exception.sentence()
    assert "Calibrating" not in outcome.output


def test_sigterm_ends_the_command_and_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bge_reranker", "quantise", "demo", "--to", "int8"]
    with subprocess.Popen([*command, "--output", str(tmp_path / "model")], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert b"Calibrating" in running.stdout.readline()
        assert list(tmp_path.iterdir()) != []
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["roberta.embeddings.LayerNorm.weight", "classifier.dense.weight", "roberta.embeddings.word_embeddings.weight"],
)
def test_model_with_8_bits_where_none_can_be_is_refused_by_name(quantised: Path, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "damaged"
    shutil.copytree(quantised, copy)
    weights = load_file(copy / "model.safetensors")
    weights[name] = weights[name].to(torch.int8)
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CorruptFile, match=f"{name} is stored as I8"):
        load_scorer(copy, CPU)


def test_command_refuses_two_sets_of_one_name(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "queries.jsonl").write_text(
            json.dumps({"query": "a", "positive": ["b"], "negative": ["c"]})
        )
    golden = [f"--golden={tmp_path / folder / 'queries.jsonl'}" for folder in ("a", "b")]
    arguments = ["quantise", "demo", "--to", "int8", "--output", str(tmp_path / "model"), *golden]
    outcome = CliRunner().invoke(program, arguments)
    assert isinstance(outcome.exception, SettingsError)
    assert "shipped, queries, queries" in str(outcome.exception)


@pytest.mark.parametrize("name", ["two\nlines", "not-\udcff"])
def test_command_refuses_a_set_whose_name_cannot_stand_in_the_card(tmp_path: Path, name: str) -> None:
    golden = tmp_path / f"{name}.jsonl"
    golden.write_text(json.dumps({"query": "a", "positive": ["b"], "negative": ["c"]}))
    arguments = ["quantise", "demo", "--to", "int8", "--output", str(tmp_path / "model"), f"--golden={golden}"]
    outcome = CliRunner().invoke(program, arguments)
    assert isinstance(outcome.exception, SettingsError)
    assert "cannot stand in a table" in outcome.exception.sentence()
    assert "Calibrating" not in outcome.output


def test_model_of_the_store_is_quantised_and_served_without_the_manifest_of_its_source(tmp_path: Path) -> None:
    fetched = CliRunner().invoke(program, ["model", "fetch", "demo", "--dir", str(tmp_path / "store")])
    assert fetched.exit_code == 0, fetched.output
    (manifest,) = (tmp_path / "store").glob("demo/*/manifest.json")
    arguments = ["quantise", str(manifest.parent), "--to", "int8", "--output", str(tmp_path / "model")]
    outcome = CliRunner().invoke(program, arguments)
    assert outcome.exit_code == 0, outcome.output
    with Reranker(str(tmp_path / "model"), device="cpu", threads=1) as reranker:
        assert reranker.precision == "int8"


def test_command_refuses_a_model_that_is_quantised_already(quantised: Path, tmp_path: Path) -> None:
    arguments = ["quantise", str(quantised), "--to", "int8", "--output", str(tmp_path / "again")]
    outcome = CliRunner().invoke(program, arguments)
    assert isinstance(outcome.exception, WrongArchitecture)
    assert not (tmp_path / "again").exists()


def test_model_that_fails_the_gate_is_not_written_unless_asked_for_by_name(tmp_path: Path) -> None:
    # Ranges calibrated on three words do not fit the texts that the price is measured on, where weights are random.
    texts = tmp_path / "texts.jsonl"
    texts.write_text(json.dumps({"query": "a", "positive": ["b"], "negative": ["c"]}))
    model = str(with_random_layers(demo_model_directory(), tmp_path / "random", size=40.0))
    arguments = ["quantise", model, "--to", "int8", "--texts", str(texts), "--output", str(tmp_path / "model")]
    refused = CliRunner().invoke(program, arguments)
    assert refused.exit_code == 1
    assert "gate failed" in refused.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["random", "texts.jsonl"]
    accepted = CliRunner().invoke(program, [*arguments, "--accept-failed-gate"])
    assert accepted.exit_code == 0
    facts = json.loads((tmp_path / "model" / "config.json").read_text())["quantization_config"]
    assert facts["gate"] == "failed, accepted by name"


def test_model_of_which_nothing_would_be_in_8_bits_fails_the_gate(tmp_path: Path) -> None:
    model = str(with_random_layers(demo_model_directory(), tmp_path / "random", size=5.0))
    outcome = CliRunner().invoke(program, ["quantise", model, "--to", "int8", "--output", str(tmp_path / "model")])
    assert outcome.exit_code == 1
    assert "0 layers in int8: every linear layer is too sensitive for 8 bits" in outcome.output
    assert not (tmp_path / "model").exists()


def test_a_folder_that_appears_in_the_meantime_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "model"

    def appear(_work: Quantisation, _folder: Path) -> None:
        output.mkdir()
        (output / "mine").touch()

    monkeypatch.setattr(Quantisation, "sign", appear)
    outcome = CliRunner().invoke(program, ["quantise", "demo", "--to", "int8", "--output", str(output)])
    assert isinstance(outcome.exception, SettingsError)
    assert [path.name for path in output.iterdir()] == ["mine"]
    assert list(tmp_path.iterdir()) == [output]


def test_model_that_computes_no_numbers_is_refused_before_any_layer_is_quantised(tmp_path: Path) -> None:
    model = tmp_path / "nan"
    shutil.copytree(demo_model_directory(), model)
    weights = load_file(model / "model.safetensors")
    weights["roberta.encoder.layer.2.output.dense.weight"][0, 0] = torch.nan
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    arguments = ["quantise", str(model), "--to", "int8", "--output", str(tmp_path / "model")]
    outcome = CliRunner().invoke(program, arguments)
    assert isinstance(outcome.exception, CorruptFile)
    assert "The model computes NaN" in outcome.exception.sentence()


def test_what_is_not_in_8_bits_is_computed_in_bfloat16_where_the_gate_and_the_processor_allow_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = instruction_sets()
    if not gains_by_bfloat16(known, processor_vendor()):
        pytest.skip("bfloat16 is no faster than float32 on this processor, and quantise measures nothing in it")
    model = str(with_random_layers(demo_model_directory(), tmp_path / "random", size=1.0))
    folder = tmp_path / "model"
    outcome = CliRunner().invoke(program, ["quantise", model, "--to", "int8", "--output", str(folder)])
    assert outcome.exit_code == 0, outcome.output
    facts = json.loads((folder / "config.json").read_text())["quantization_config"]
    assert facts["float_parts"] == "bfloat16"
    assert facts["price_in_bfloat16"]["shipped"]["mean_difference"] > facts["price"]["shipped"]["mean_difference"]
    assert "| shipped, bfloat16 |" in (folder / "README.md").read_text()
    scorer = load_scorer(folder, CPU)
    scorer.warm_up(1024)
    assert scorer.description.precision_hint == "bf16"
    assert_same_bits_in_fifty_batches(scorer)
    for lost in ({"amx_bf16", "avx512_bf16"}, INT8_SETS):
        rest = tuple(name for name in known if name not in lost)
        monkeypatch.setattr(openvino_scorer, "instruction_sets", lambda rest=rest: rest)
        assert load_scorer(folder, CPU).description.precision_hint == "f32"


def test_the_embedded_model_s_float_parts_stay_in_float32(quantised: Path, scorer: Scorer) -> None:
    assert "float_parts" not in json.loads((quantised / "config.json").read_text())["quantization_config"]
    assert scorer.description.precision_hint == "f32"


def with_random_layers(directory: Path, copy: Path, size: float) -> Path:
    """Copies a checkpoint and draws all matrices but its embeddings anew, so large."""
    shutil.copytree(directory, copy)
    generator = torch.Generator().manual_seed(0)
    weights = load_file(copy / "model.safetensors")
    for name, weight in weights.items():
        if weight.dim() == 2 and "embeddings" not in name:
            weight.copy_(torch.randn(weight.shape, generator=generator) * (size / weight.shape[-1] ** 0.5))
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    return copy
