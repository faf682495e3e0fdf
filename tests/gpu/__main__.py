"""`make bench-gpu`: print the table of docs/benchmarks.md for the GPU at hand."""

from __future__ import annotations

import argparse
import platform
from importlib.metadata import PackageNotFoundError, version

import torch

from .bench import measure
from .networks import LARGE, SMALL


def main() -> None:
    """Measure and print, one row as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a small network on the CPU: tries the program itself")
    parser.add_argument("--pairs", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    device = "cpu" if options.small else "cuda:0"
    if device != "cpu" and not torch.cuda.is_available():
        raise SystemExit(f"torch {torch.__version__} sees no GPU here; --small tries the program on the CPU.")
    name = platform.processor() if device == "cpu" else torch.cuda.get_device_name(device)
    found = ", ".join(f"{package} {_version(package)}" for package in ("torch", "triton", "transformers", "numpy"))
    print(f"{name}; Python {platform.python_version()}, {found}, CUDA {torch.version.cuda}\n")  # noqa: T201 - the result
    print("| | | |\n| --- | --- | --- |")  # noqa: T201
    for row in measure(SMALL if options.small else LARGE, device, options.pairs, options.rounds):
        print(row, flush=True)  # noqa: T201


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


if __name__ == "__main__":
    main()
