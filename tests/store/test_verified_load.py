"""Verifying beside a load: what is compared, and whose error counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bge_reranker.errors import CorruptFile, DigestMismatch, WrongArchitecture
from bge_reranker.store.manifest import Manifest, hash_model
from bge_reranker.store.verified_load import verified_load

from .models import model_files
from .test_folder import write_model

LARGE = 20_000_000
"""Bytes of weights of which a sample is less than all."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = write_model(tmp_path_factory.mktemp("load") / "model", model_files(LARGE))
    return folder, hash_model(folder)


def discard(_loaded: object) -> None:
    pytest.fail("what was loaded is sound, or nothing was")


def flip(folder: Path, position: int) -> None:
    """Change one byte, and back the next time."""
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(position)
        byte = file.read(1)
        file.seek(position)
        file.write(bytes([byte[0] ^ 1]))


def test_a_sound_model_is_loaded_and_every_byte_compared(model: tuple[Path, Manifest]) -> None:
    folder, manifest = model
    assert verified_load(folder, manifest, "full", lambda: "loaded", discard) == ("loaded", "full")
    assert verified_load(folder, manifest, "sample", lambda: "loaded", discard) == ("loaded", "sample")


def test_auto_compares_every_byte_when_the_load_takes_its_time(model: tuple[Path, Manifest]) -> None:
    folder, manifest = model
    times = iter([0.0, 1_000.0])
    assert verified_load(folder, manifest, "auto", lambda: "loaded", discard, lambda: next(times)) == ("loaded", "full")


def test_auto_is_content_with_a_sample_when_hashing_would_hold_up_the_load(model: tuple[Path, Manifest]) -> None:
    folder, manifest = model

    def endless(_folder: Path, _manifest: Manifest, advance: Callable[[int], None]) -> None:
        while True:
            advance(1)

    load = verified_load(folder, manifest, "auto", lambda: "loaded", discard, lambda: 0.0, endless)
    assert load == ("loaded", "sample")


@pytest.mark.parametrize("mode", ["full", "sample"])
def test_a_byte_in_the_sample_is_noticed_before_anything_is_loaded(model: tuple[Path, Manifest], mode: str) -> None:
    folder, manifest = model
    flip(folder, 0)
    try:
        with pytest.raises(DigestMismatch, match=r"model\.safetensors .*expected sample .* found"):
            verified_load(folder, manifest, mode, pytest.fail, discard)  # type: ignore[arg-type]  # one of its words
    finally:
        flip(folder, 0)


def test_a_byte_outside_the_sample_is_noticed_before_anything_is_served(model: tuple[Path, Manifest]) -> None:
    folder, manifest = model
    flip(folder, 1_100_000)
    try:
        assert verified_load(folder, manifest, "sample", lambda: "loaded", discard)[1] == "sample"
        discarded: list[str] = []
        with pytest.raises(DigestMismatch, match=r"model\.safetensors .*expected sha256 .* found"):
            verified_load(folder, manifest, "full", lambda: "loaded", discarded.append)
        assert discarded == ["loaded"]
    finally:
        flip(folder, 1_100_000)


def test_what_a_damaged_model_fails_with_is_that_it_is_damaged(model: tuple[Path, Manifest]) -> None:
    folder, manifest = model

    def load() -> None:
        raise CorruptFile("the header makes no sense")

    flip(folder, 1_100_000)
    try:
        with pytest.raises(DigestMismatch):
            verified_load(folder, manifest, "auto", load, discard)
    finally:
        flip(folder, 1_100_000)


def test_a_sound_model_fails_with_what_loading_says(model: tuple[Path, Manifest]) -> None:
    folder, manifest = model

    def load() -> None:
        raise WrongArchitecture("not a classifier")

    with pytest.raises(WrongArchitecture):
        verified_load(folder, manifest, "auto", load, discard)
    assert not [thread for thread in threading.enumerate() if thread.name == "verify-model"]
