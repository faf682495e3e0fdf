"""wrk, the compiled load generator: some connections that send the next request as soon as one is answered."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests import needs

_SCRIPT = """
local bodies, next_body = {}, 0
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
local headers = { ["Content-Type"] = "application/json" }
function request()
  next_body = next_body % #bodies + 1
  return wrk.format("POST", "/rerank", headers, bodies[next_body])
end
"""
_REQUESTS = re.compile(r"(\d+) requests in")
_FAILED = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)")


@dataclass(frozen=True)
class Answered:
    """What became of the requests."""

    requests: int


def load(url: str, bodies: Path, connections: int, seconds: int) -> Answered:
    """Load a server.

    Args:
        url: Where it listens.
        bodies: Requests of the native dialect, one a line.
        connections: Requests that are open at once.
        seconds: How long.

    Raises:
        RuntimeError: If wrk is missing, or a request was not answered with its ranking.
    """
    if not needs.WRK.is_met:
        raise RuntimeError(needs.WRK.lack)
    script = bodies.with_suffix(".lua")
    script.write_text(_SCRIPT, encoding="utf-8")
    command: list[str | Path] = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--timeout",
        "60s",
        "-s",
        script,
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"BODIES": str(bodies)})
    found = _REQUESTS.search(done.stdout)
    if found is None or _FAILED.search(done.stdout):
        raise RuntimeError(f"wrk counted requests that failed:\n{done.stdout}")
    return Answered(int(found[1]))
