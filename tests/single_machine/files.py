"""The files of manifests/single-machine, as tests read them and as they run on free ports of this machine."""

from __future__ import annotations

import configparser
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "manifests" / "single-machine"
NGINX = FOLDER / "nginx" / "nginx.conf"
UNIT = FOLDER / "systemd" / "bge-reranker@.service"
COMPOSE = FOLDER / "compose.yaml"
CONFIG = FOLDER / "systemd" / "config.yaml"
PROGRAM = "/opt/bge-reranker/bin/bge-reranker"
"""Where the unit has the program."""

PORTS = ("8000", "8010")
"""Ports of the two servers."""


def seconds(directive: str) -> float:
    """A time in nginx.conf, the same wherever it stands.

    Args:
        directive: Its name.
    """
    found = set(re.findall(rf"^\s*{directive} (\d+)s;", NGINX.read_text(encoding="utf-8"), re.MULTILINE))
    assert len(found) == 1, f"{directive}: {found}"
    return float(found.pop())


def unit() -> configparser.ConfigParser:
    """The unit of a server; of a repeated key the last value."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # keys keep their case
    parser.read(UNIT, encoding="utf-8")
    return parser


def unit_command(key: str, environment: Mapping[str, str]) -> list[str]:
    """A command of the unit as systemd would run it, with this tree's program and settings.

    Args:
        key: `ExecStart` or `ExecStartPost`.
        environment: Of the server.
    """
    text = unit()["Service"][key].replace(PROGRAM, str(Path(sys.executable).with_name("bge-reranker")))
    text = text.replace("/etc/bge-reranker/config.yaml", str(CONFIG))
    return [
        re.sub(r"\$\{(\w+)\}", lambda match: environment[match[1]], word).replace("$$", "$")
        for word in shlex.split(text)
    ]


def nginx_conf(folder: Path, ports: Mapping[str, int], replaced: Mapping[str, str]) -> str:
    """nginx.conf for a folder and free ports.

    Args:
        folder: Holds `tls.crt` and `tls.key`; logs and temporary files go there too.
        ports: The port in the file to the one here.
        replaced: Further texts, each of which must be there.
    """
    text = NGINX.read_text(encoding="utf-8")
    places = {
        "/etc/nginx/tls": str(folder),
        "/var/log/nginx": str(folder),
        "/run/nginx.pid": str(folder / "nginx.pid"),
        "listen 443": f"listen 127.0.0.1:{ports['443']}",
        **{f"127.0.0.1:{port}": f"127.0.0.1:{ports[port]}" for port in PORTS},
        "user www-data;\n": "",
        **replaced,
    }
    for before, after in places.items():
        assert before in text, before
        text = text.replace(before, after)
    return text
