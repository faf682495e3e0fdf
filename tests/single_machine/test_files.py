"""The files of manifests/single-machine say what docs/single-machine.md says, and their own programs accept them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bge_reranker.cli.main import program
from bge_reranker.configuration import load_settings
from tests.control_plane.processes import free_port
from tests.in_ci import IN_CI
from tests.needs import SYSTEMD_ANALYZE

from .files import COMPOSE, CONFIG, FOLDER, NGINX, PORTS, PROGRAM, ROOT, UNIT, seconds, unit, unit_command

SETTINGS = load_settings(CONFIG)
HTTP = SETTINGS.http


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return loaded


def environment_of(port: str) -> dict[str, str]:
    lines = (FOLDER / "systemd" / f"{port}.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_a_server_answers_before_nginx_gives_up() -> None:
    assert SETTINGS.engine.deadline_s < seconds("proxy_read_timeout") < seconds("worker_shutdown_timeout")


def test_nginx_closes_an_idle_connection_before_the_server_does() -> None:
    upstream = re.search(r"keepalive 64;\s*keepalive_timeout (\d+)s;", NGINX.read_text(encoding="utf-8"))
    assert upstream is not None
    assert int(upstream[1]) < HTTP.keep_alive_s


def test_the_server_has_time_to_finish_before_it_is_killed() -> None:
    needed = HTTP.drain_delay_s + SETTINGS.engine.deadline_s
    assert int(unit()["Service"]["TimeoutStopSec"]) > needed
    services = compose()["services"]
    assert all(int(services[f"server-{port}"]["stop_grace_period"].rstrip("s")) > needed for port in PORTS)
    assert int(services["nginx"]["stop_grace_period"].rstrip("s")) >= seconds("worker_shutdown_timeout")


def test_a_request_is_passed_on_only_while_there_is_time_for_it() -> None:
    assert seconds("proxy_next_upstream_timeout") < SETTINGS.engine.deadline_s < seconds("proxy_read_timeout")


def test_the_largest_body_of_the_server_passes_nginx() -> None:
    limit = re.search(r"client_max_body_size (\d+)m;", NGINX.read_text(encoding="utf-8"))
    assert limit is not None
    assert HTTP.max_body_bytes < int(limit[1]) * 2**20


def test_nginx_knows_the_servers_that_units_and_compose_start() -> None:
    assert tuple(re.findall(r"server 127\.0\.0\.1:(\d+) ", NGINX.read_text(encoding="utf-8"))) == PORTS
    for port in PORTS:
        started = compose()["services"][f"server-{port}"]["environment"]
        assert started == {"BGE_RERANKER_PORT": port, **environment_of(port)}


def test_the_servers_believe_nginx_alone_about_addresses() -> None:
    assert SETTINGS.guard.trusted_proxies == "127.0.0.1/32"
    assert "X-Forwarded-For $remote_addr;" in NGINX.read_text(encoding="utf-8")


def test_commands_and_variables_exist_in_the_program() -> None:
    serve = program.commands["serve"]
    flags = {flag for parameter in serve.params for flag in parameter.opts}
    command = unit()["Service"]["ExecStart"].split()
    assert command[:2] == [PROGRAM, "serve"]
    assert set(command[2::2]) | {"--port", "--management-port", "--device"} <= flags
    assert compose()["services"]["server-8000"]["command"] == command[1:]


def test_compose_names_the_image_of_this_version() -> None:
    version = re.search(r'^appVersion: "?([\w.]+)', (ROOT / "charts/bge-reranker/Chart.yaml").read_text(), re.MULTILINE)
    assert version is not None
    assert compose()["services"]["server-8000"]["image"] == f"localhost/bge-reranker:{version[1]}-cpu"


def test_the_compose_file_has_the_form_that_its_specification_demands() -> None:
    checker = str(Path(sys.executable).with_name("check-jsonschema"))
    command = [checker, "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.skipif(not SYSTEMD_ANALYZE.is_met and not IN_CI, reason=SYSTEMD_ANALYZE.lack)
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name.replace("@", "@8000")
    copy.write_text(UNIT.read_text(encoding="utf-8").replace(PROGRAM, sys.executable), encoding="utf-8")
    checked = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_start_of_a_unit_fails_as_soon_as_its_process_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    environment = {"MAINPID": str(ended.pid), "BGE_RERANKER_MANAGEMENT_PORT": str(free_port())}
    command = unit_command("ExecStartPost", environment)
    assert subprocess.run(command, env=os.environ | environment, capture_output=True, check=False).returncode == 1


def test_the_page_has_the_figures_of_the_files() -> None:
    page = (ROOT / "docs" / "single-machine.md").read_text(encoding="utf-8")
    for figure in (
        f"`proxy_read_timeout` | {seconds('proxy_read_timeout'):g} s",
        f"`TimeoutStopSec` | {unit()['Service']['TimeoutStopSec']} s",
        f"`engine.deadlineS` | {SETTINGS.engine.deadline_s:g} s",
        f"`worker_shutdown_timeout` | {seconds('worker_shutdown_timeout'):g} s",
    ):
        assert figure in page
