from __future__ import annotations

from pathlib import Path

import pytest

from bge_reranker.model.machine.processor import (
    gains_by_bfloat16,
    instruction_sets,
    processor_name,
    processor_vendor,
)


def account(folder: Path, vendor: str, flags: str) -> Path:
    path = folder / "cpuinfo"
    path.write_text(f"processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: Fast CPU @ 3 GHz\nflags\t\t: fpu {flags}\n")
    return path


def test_processor_name_is_read_from_the_kernel_or_the_architecture(tmp_path: Path) -> None:
    assert processor_name(account(tmp_path, "GenuineIntel", "avx2")) == "Fast CPU @ 3 GHz"
    assert processor_name(tmp_path / "absent")


@pytest.mark.parametrize(
    ("vendor", "flags", "expected"),
    [
        ("GenuineIntel", "avx512_vnni avx512_bf16 amx_bf16 amx_int8", True),
        ("GenuineIntel", "amx_bf16 amx_int8", True),
        ("GenuineIntel", "avx512_vnni avx512_bf16", False),
        ("AuthenticAMD", "avx512_vnni avx512_bf16", True),
        ("AuthenticAMD", "avx512f avx512_vnni", False),
        ("AuthenticAMD", "avx512_bf16", False),
        ("GenuineIntel", "avx512_bf16 amx_bf16", False),
    ],
)
def test_bfloat16_is_for_tiles_and_for_amd_s_processors_if_they_multiply_8_bits(
    tmp_path: Path, vendor: str, flags: str, *, expected: bool
) -> None:
    path = account(tmp_path, vendor, flags)
    assert gains_by_bfloat16(instruction_sets(path), processor_vendor(path)) is expected


def test_kernel_that_says_nothing_promises_no_fast_bfloat16(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    assert not gains_by_bfloat16(instruction_sets(absent), processor_vendor(absent))
