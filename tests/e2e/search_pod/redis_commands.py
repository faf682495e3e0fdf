"""`python -m search_pod.redis_commands HOST:PORT [PASSWORD]`: commands from standard input, as a JSON list of lists.

Their replies are printed, as a JSON list. After `{"every_s": 0.05, "for_s": 10, "commands": [...]}` they are sent again
and again for so long, and the last replies count. The pod has no library for Redis; the protocol is this small.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from typing import IO, Any


def reply(lines: IO[bytes]) -> Any:
    """One reply; Source: https://redis.io/docs/latest/develop/reference/protocol-spec, RESP2."""
    line = lines.readline().decode().rstrip("\r\n")
    kind, rest = line[:1], line[1:]
    if kind == "$":
        return None if rest == "-1" else lines.read(int(rest) + 2)[:-2].decode(errors="replace")
    if kind == "*":
        return [reply(lines) for _ in range(int(rest))]
    return int(rest) if kind == ":" else line if kind == "-" else rest


def send(connection: socket.socket, lines: IO[bytes], command: list[str]) -> Any:
    words = [word.encode() for word in command]
    parts = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    connection.sendall(b"*%d\r\n%s" % (len(words), parts))
    return reply(lines)


def main() -> None:
    address, *password = sys.argv[1:]
    host, _, port = address.rpartition(":")
    given = json.load(sys.stdin)
    plan = given if isinstance(given, dict) else {"commands": given}
    ends_at = time.monotonic() + plan.get("for_s", 0.0)
    with socket.create_connection((host, int(port)), 10) as connection, connection.makefile("rb") as lines:
        if any(password):
            send(connection, lines, ["AUTH", password[0]])
        while True:
            replies = [send(connection, lines, command) for command in plan["commands"]]
            if time.monotonic() >= ends_at:
                break
            time.sleep(plan["every_s"])
    json.dump(replies, sys.stdout)


if __name__ == "__main__":
    main()
