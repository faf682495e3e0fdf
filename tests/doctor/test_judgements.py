"""Each check on made-up facts: what is red, what is yellow, and what is said to do."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from bge_reranker.doctor.checks import cache, gpu, kernel, limits, memory, packages, ports, processor, redis, source
from bge_reranker.doctor.finding import Finding, Verdict, worst
from bge_reranker.doctor.subject import LARGE_PARAMETERS, Weights
from bge_reranker.errors import HubUnreachable
from bge_reranker.guard.redis_observer import Outcome
from bge_reranker.store.sources.registry import require_source

GREEN, YELLOW, RED = Verdict.GREEN, Verdict.YELLOW, Verdict.RED
GB = 10**9


def large(precision: str = "float16", bytes_each: int = 2) -> Weights:
    return Weights(LARGE_PARAMETERS, bytes_each, precision, is_counted=False)


def gpus(*sizes: float, **more: object) -> gpu.GpuFacts:
    facts = {"driver": "570.86", "driver_cuda": (12, 8), "has_torch": True, "torch_cuda": (12, 6), **more}
    return gpu.GpuFacts(tuple(gpu.Device("GPU", int(size * GB)) for size in sizes), **facts)  # type: ignore[arg-type]


TAKEN = OSError(errno.EADDRINUSE, "Address already in use")


@pytest.mark.parametrize(
    ("facts", "wanted", "weights", "verdicts", "words"),
    [
        (gpus(25.8), "auto", large(), [GREEN, GREEN], "1.1 GB in float16"),
        (gpus(16.9), "cuda", large(), [GREEN, GREEN], "16.9 GB"),
        (gpus(15.0), "cuda", large(), [GREEN, GREEN], "15.0 GB"),
        (gpus(8.0), "auto", large(), [YELLOW, GREEN], "16 GB are recommended"),
        (
            gpus(8.0),
            "auto",
            Weights(33_000_000, 2, "float16", is_counted=True),
            [GREEN, GREEN],
            "the model takes 66 MB",
        ),
        (gpus(2.0), "auto", large(), [RED, GREEN], "2.6 GB or more"),
        (gpus(3.0), "cuda", large("float32", 4), [RED, GREEN], "3.7 GB or more"),
        (gpus(24.0, 2.0), "cuda:1", large(), [RED, GREEN], "2.6 GB or more"),
        (gpus(24.0), "cuda:1", large(), [RED], "1 devices"),
        (gpus(), "cuda", large(), [RED], "gpu.count"),
        (gpus(), "auto", large(), [GREEN], "the CPU computes"),
        (gpus(), "cpu", large(), [GREEN], "not used"),
        (gpus(24.0, torch_cuda=(13, 0)), "auto", large(), [GREEN, RED], "torch for CUDA 12"),
        (gpus(24.0, torch_cuda=(12, 9)), "auto", large(), [GREEN, GREEN], "built for 12.9"),
        (gpus(24.0, torch_cuda=None), "auto", large(), [GREEN, YELLOW], "without CUDA"),
        (gpus(24.0, has_torch=False), "auto", large(), [GREEN, YELLOW], "bge-reranker[torch]"),
        (gpus(24.0, has_torch=False), "cuda", large(), [GREEN, RED], "bge-reranker[torch]"),
    ],
)
def test_gpu(facts: gpu.GpuFacts, wanted: str, weights: Weights, verdicts: list[Verdict], words: str) -> None:
    findings = list(gpu.judge(facts, wanted, weights))
    assert [finding.verdict for finding in findings] == verdicts
    assert words in " ".join(f"{finding.found} {finding.remedy}" for finding in findings)


@pytest.mark.parametrize(
    ("architecture", "sets", "verdict", "words"),
    [
        ("x86_64", ("sse4_2", "avx2", "amx_bf16"), GREEN, "avx2, amx_bf16"),
        ("x86_64", ("sse4_2",), YELLOW, "without AVX2"),
        ("x86_64", (), YELLOW, "lists no instructions"),
        ("aarch64", (), GREEN, "aarch64"),
    ],
)
def test_processor(architecture: str, sets: tuple[str, ...], verdict: Verdict, words: str) -> None:
    check(processor.judge(processor.ProcessorFacts("CPU", architecture, sets)), verdict, words)


@pytest.mark.parametrize(
    ("machine", "limit", "weights", "on_gpu", "verdict", "words"),
    [
        (64, None, large("float32", 4), False, GREEN, "the machine has 64.0 GB"),
        (64, 2, large("float32", 4), False, RED, "the control group allows 2.0 GB"),
        (64, 3.2, large("float32", 4), False, YELLOW, "resources.limits.memory"),
        (2, 64, large("float32", 4), False, RED, "the machine has 2.0 GB"),
        (64, 2, large(), True, RED, "3.0 GB are needed"),
        (None, None, large(), False, YELLOW, "nobody says"),
    ],
)
def test_memory(
    machine: float | None, limit: float | None, weights: Weights, verdict: Verdict, words: str, *, on_gpu: bool
) -> None:
    machine_bytes, limit_bytes = (None if size is None else int(size * GB) for size in (machine, limit))
    check(memory.judge(memory.MemoryFacts(machine_bytes, limit_bytes, GB), weights, on_gpu=on_gpu), verdict, words)


@pytest.mark.parametrize(
    ("facts", "verdicts", "words"),
    [
        (limits.LimitFacts(8, None, None), [GREEN, GREEN], "8 CPUs, no quota"),
        (limits.LimitFacts(8, 2.5, 4096), [GREEN, GREEN], "a quota of 2.5"),
        (limits.LimitFacts(8, 0.5, 4096), [YELLOW, GREEN], "resources.limits.cpu"),
        (limits.LimitFacts(8, None, 1024), [GREEN, YELLOW], "Raise the limit to 1064"),
    ],
)
def test_limits(facts: limits.LimitFacts, verdicts: list[Verdict], words: str) -> None:
    findings = list(limits.judge(facts, max_connections=1000))
    assert [finding.verdict for finding in findings] == verdicts
    assert words in " ".join(f"{finding.found} {finding.remedy}" for finding in findings)


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (kernel.KernelFacts("Linux", "6.1.0-18-amd64", "glibc 2.36"), GREEN, "6.1.0"),
        (kernel.KernelFacts("Linux", "3.10.0-1160.el7", "glibc 2.28"), YELLOW, "Update the kernel"),
        (kernel.KernelFacts("Linux", "5.15.0", "glibc 2.17"), RED, "glibc 2.28 or newer"),
        (kernel.KernelFacts("Linux", "5.15.0", ""), YELLOW, "no glibc"),
        (kernel.KernelFacts("Darwin", "24.1.0", ""), YELLOW, "For production use Linux"),
    ],
)
def test_kernel(facts: kernel.KernelFacts, verdict: Verdict, words: str) -> None:
    check(kernel.judge(facts), verdict, words)


REQUIRED = [
    Requirement("numpy>=2.0"),
    Requirement('torch>=2.9; extra == "torch"'),
    Requirement("uvloop; sys_platform=='x'"),
]


@pytest.mark.parametrize(
    ("installed", "verdict", "words"),
    [
        ({"numpy": "2.1", "openvino": "2026.4"}, GREEN, "openvino 2026.4"),
        ({"numpy": "2.1", "torch": "2.9.1", "transformers": "5"}, GREEN, "torch 2.9.1"),
        ({"numpy": "1.26", "openvino": "2026.4"}, RED, "not met: numpy>=2.0"),
        ({"openvino": "2026.4"}, RED, "not met: numpy>=2.0"),
        ({"numpy": "2.1", "torch": "2.8", "transformers": "5"}, RED, "not met: torch>=2.9"),
        ({"numpy": "2.1"}, RED, "nothing that computes"),
        ({"numpy": "2.1", "torch": "2.9"}, YELLOW, "no transformers"),
    ],
)
def test_packages(installed: dict[str, str], verdict: Verdict, words: str) -> None:
    (finding,) = packages.judge(REQUIRED, installed)
    check(finding, verdict, words)


def disk(**facts: object) -> cache.CacheFacts:
    usual = {
        "is_writable": True,
        "free_bytes": 50 * GB,
        "file_system": "ext4",
        "is_rotating": False,
        "bytes_per_s": 2e9,
    }
    return cache.CacheFacts("/models", is_there=True, **{**usual, **facts})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "has_model", "verdict", "words"),
    [
        (disk(), True, GREEN, "ext4, a solid-state or virtual disk, 50.0 GB free, 2,000 MB/s"),
        (cache.CacheFacts("/models", is_there=False), False, RED, "is not there"),
        (disk(is_writable=False), False, RED, "not writable"),
        (disk(is_writable=False, free_bytes=0), True, GREEN, "0 MB free"),
        (disk(free_bytes=2 * GB), False, RED, "may take 2.2 GB"),
        (disk(free_bytes=2 * GB), True, YELLOW, "the next version"),
        (disk(free_bytes=4 * GB), False, YELLOW, "the next version"),
        (disk(bytes_per_s=20e6, is_rotating=True, file_system="nfs4"), True, YELLOW, "probes.startupSeconds above 224"),
        (disk(bytes_per_s=None, is_rotating=None), False, GREEN, "ext4, 50.0 GB free"),
    ],
)
def test_cache(facts: cache.CacheFacts, verdict: Verdict, words: str, *, has_model: bool) -> None:
    check(cache.judge(facts, large(), has_model=has_model), verdict, words)


@pytest.mark.parametrize(
    ("where", "problem", "holder", "verdict", "words"),
    [
        ("here port 8000", None, None, GREEN, "is free"),
        ("", None, None, GREEN, "any"),
        ("here port 9", TAKEN, None, RED, "taken by another program"),
        ("here port 9", TAKEN, ports.Holder("demo"), GREEN, "this server's"),
        ("here port 9", TAKEN, ports.Holder(None), GREEN, "this server's"),
        ("here port 9", TAKEN, ports.Holder("org/name"), RED, "taken by a bge-reranker that serves org/name"),
        ("here port 80", OSError(errno.EACCES, "Permission denied"), None, RED, "above 1023"),
        ("here port 9", OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), None, RED, "Cannot assign"),
    ],
)
def test_ports(where: str, problem: OSError | None, holder: ports.Holder | None, verdict: Verdict, words: str) -> None:
    check(ports.judge("port", where, problem, holder, "demo"), verdict, words)


@pytest.mark.parametrize(
    ("problem", "has_model", "verdict", "words"),
    [
        (None, False, GREEN, "answers, 2.2 GB"),
        (HubUnreachable("hub does not answer."), False, RED, "HubUnreachable: hub does not answer"),
        (HubUnreachable("hub does not answer."), True, YELLOW, "the model is here already"),
    ],
)
def test_source(problem: HubUnreachable | None, verdict: Verdict, words: str, *, has_model: bool) -> None:
    hub = require_source("hf://org/name", None)
    check(source.judge(hub, problem, 2_200_000_000, has_model=has_model), verdict, words)


@pytest.mark.parametrize(
    ("seconds", "outcome", "verdict", "words"),
    [
        (0.001, "ok", GREEN, "1.0 ms"),
        (0.020, "ok", YELLOW, "redisTimeoutMs is 8"),
        (None, "timed_out", YELLOW, "does not answer"),
        (None, "failed", YELLOW, "redisPasswordFile"),
    ],
)
def test_redis(seconds: float | None, outcome: Outcome, verdict: Verdict, words: str) -> None:
    check(redis.judge("redis:6379", seconds, outcome, 8.0), verdict, words)


def test_a_mount_is_found_by_its_longest_place(tmp_path: Path) -> None:
    inner = tmp_path / "my models"
    inner.mkdir()
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"/dev/a / ext4 rw 0 0\nserver:/x {tmp_path}/my\\040models nfs4 rw 0 0\ntmpfs {tmp_path}/my tmpfs rw 0 0\n"
    )
    assert cache.file_system_of(inner, mounts) == "nfs4"
    assert cache.file_system_of(tmp_path, mounts) == "ext4"
    assert cache.file_system_of(tmp_path, tmp_path / "absent") == ""


def check(finding: Finding, verdict: Verdict, words: str) -> None:
    assert finding.verdict == verdict, finding
    assert words in f"{finding.found} {finding.remedy}"
    # Whoever sees another colour than green is told what to do.
    assert bool(finding.remedy) == (verdict != GREEN)
    assert worst([finding]) == verdict
