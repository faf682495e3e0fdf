"""Objects from values, by `helm template`: the only module that knows helm."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

import yaml

from .errors import InvalidSpec, OperatorError, RenderFailed
from .resource import Key

KEPT_BYTES = 32 * 1024 * 1024
"""Most that remembered renderings take: 10,000 of the usual size, or 30 of specs as large as etcd holds."""

CONCURRENT_PROGRAMS = 2
"""Helm processes at a time, 40 MB each."""

_HELM_FOLDERS = {"HELM_CACHE_HOME": "/tmp/helm", "HELM_CONFIG_HOME": "/tmp/helm", "HELM_DATA_HOME": "/tmp/helm"}  # noqa: S108 - helm needs none of them; were it to write, only /tmp may be written to
_VALUES_ERRORS = ("values don't meet the specifications", "execution error at", "parse error", "error calling fail")
"""What helm's complaint contains when the values are at fault."""

_HELM_FRAME = re.compile(
    r"execution error at \([^)]*\): (error calling fail: )?| ?Use --debug flag to render out invalid YAML"
)
"""What helm says around the chart's own sentence."""

_HELM_REMEDY = "It is tried again; if it lasts, see the operator's log and its limits of memory."

_SAFE: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NO_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("value", "merge", "timestamp")}
"""Of YAML 1.1, which helm's printer does not know: to it `=` and `<<` are texts that need no quotes."""


class _Loader(_SAFE):  # type: ignore[valid-type, misc] # the C one where there is one
    """Reads what helm prints."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _NO_TAGS]
        for first, resolvers in _SAFE.yaml_implicit_resolvers.items()
    }


_ESCAPES = re.compile(r"\\\\|\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})")
"""An escaped backslash, or one sign beyond 16 bits as JSON escapes it."""


class Renderer(Protocol):
    """Gives the chart's objects for values."""

    async def render(self, key: Key, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Objects in the order in which they are to be created.

        Raises:
            InvalidSpec: The chart refuses the values.
            RenderFailed: It did not work, and might another time.
        """


class HelmRenderer:
    """Runs helm, and remembers what it said.

    Args:
        helm: The program.
        chart: Folder of the chart.
        kube_version: What the chart is told of the cluster, such as `v1.34.4`.
        limit_s: Longest a run may take.
        max_kept_bytes: Most that remembered renderings take.
    """

    def __init__(
        self, helm: Path, chart: Path, kube_version: str, limit_s: float, max_kept_bytes: int = KEPT_BYTES
    ) -> None:
        self._helm = helm
        self._chart = chart
        self._kube_version = kube_version
        self._limit_s = limit_s
        self._digest = chart_digest(chart)
        self._kept: OrderedDict[bytes, bytes | OperatorError] = OrderedDict()
        self._kept_bytes = 0
        self._max_kept_bytes = max_kept_bytes
        self._semaphore = asyncio.Semaphore(CONCURRENT_PROGRAMS)
        self.program_runs = 0

    async def render(self, key: Key, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Render, or repeat what the same chart and values gave before; refusals are remembered too.

        Raises:
            InvalidSpec: The chart refuses the values.
            RenderFailed: Helm did not end well, or not in time.
        """
        text = _as_yaml(values).encode()
        cache_key = hashlib.sha256(b"\0".join([self._digest, *(part.encode() for part in key), text])).digest()
        kept = self._kept.get(cache_key)
        if kept is None:
            kept = await self._fresh(key, text)
            self._keep(cache_key, kept)
        else:
            self._kept.move_to_end(cache_key)
        if isinstance(kept, OperatorError):
            raise InvalidSpec(kept.message, remedy=kept.remedy)
        objects: list[dict[str, Any]] = json.loads(zlib.decompress(kept))
        return objects

    def _keep(self, cache_key: bytes, rendering: bytes | OperatorError) -> None:
        """Remember one, in place of those that were not asked for the longest."""
        self._drop(cache_key)
        self._kept[cache_key] = rendering
        self._kept_bytes += _bytes_of(rendering)
        while self._kept_bytes > self._max_kept_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, cache_key: bytes) -> None:
        former = self._kept.pop(cache_key, None)
        self._kept_bytes -= 0 if former is None else _bytes_of(former)

    async def _fresh(self, key: Key, text: bytes) -> bytes | OperatorError:
        try:
            printed = await self._run(key, text)
        except InvalidSpec as error:
            return error
        try:
            objects = [body for body in yaml.load_all(printed, Loader=_Loader) if body]
        except yaml.YAMLError as error:
            raise RenderFailed(f"What helm printed is no YAML: {error}", remedy=_HELM_REMEDY) from error
        return zlib.compress(json.dumps(objects).encode())

    async def _run(self, key: Key, text: bytes) -> bytes:
        async with self._semaphore:
            self.program_runs += 1
            process = await asyncio.create_subprocess_exec(
                *self._command(key),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=_HELM_FOLDERS,
            )
            try:
                printed, complaint = await asyncio.wait_for(process.communicate(text), self._limit_s)
            except TimeoutError:
                raise RenderFailed(f"helm did not end within {self._limit_s:g} s.", remedy=_HELM_REMEDY) from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode != 0:
            raise failure(complaint.decode(errors="replace"), process.returncode)
        return printed

    def _command(self, key: Key) -> list[str]:
        options = ["--no-hooks", "--skip-tests", f"--kube-version={self._kube_version}", f"--namespace={key.namespace}"]
        return [str(self._helm), "template", key.name, str(self._chart), *options, "--values=-"]


def _as_yaml(values: Mapping[str, Any]) -> str:
    """Values as YAML, which is JSON but for signs beyond 16 bits: helm takes no pairs of escapes for one."""

    def of_yaml(found: re.Match[str]) -> str:
        return found[0] if found[1] is None else f"\\U{ord(json.loads(chr(34) + found[0] + chr(34))):08x}"

    return _ESCAPES.sub(of_yaml, json.dumps(values, sort_keys=True))


def _bytes_of(rendering: bytes | OperatorError) -> int:
    return len(rendering if isinstance(rendering, bytes) else rendering.sentence())


def failure(complaint: str, code: int | None) -> OperatorError:
    """What helm's output on standard error means: the values' fault, or helm's."""
    message = " ".join(line.removeprefix("Error: ").strip() for line in complaint.splitlines() if line.strip())
    if any(mark in message for mark in _VALUES_ERRORS):
        return InvalidSpec(f"The chart refuses the spec: {_without_frame(message)}", remedy="Change the spec.")
    return RenderFailed(f"helm ended with {code}: {message or 'no explanation'}", remedy=_HELM_REMEDY)


def _without_frame(message: str) -> str:
    """The sentence after the template's name and line, which only the chart's authors need."""
    head, mark, rest = message.partition("error calling fail: ")
    # Anywhere behind a frame, it is a word of the spec.
    return _HELM_FRAME.sub("", rest if mark and "execution error at" not in head else message)


def chart_digest(chart: Path) -> bytes:
    """One value for the whole folder: what is rendered depends on nothing else than it and the values."""
    digest = hashlib.sha256()
    for path in sorted(path for path in chart.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(chart)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.digest()
