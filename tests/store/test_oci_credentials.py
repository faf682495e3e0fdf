"""Which user of which file opens which registry, as a kubelet decides it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from bge_reranker.errors import SettingsError
from bge_reranker.store.sources.oci_credentials import Credentials, find_credentials


def entry(user: str, password: str = "secret") -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def user_of(folder: Path, repository: str, entries: dict[str, Any]) -> str | None:
    file = folder / "config.json"
    file.write_text(json.dumps({"auths": entries}), encoding="utf-8")
    found = find_credentials(repository, {"REGISTRY_AUTH_FILE": str(file)})
    return None if found is None else found.user


@pytest.mark.parametrize(
    ("repository", "entries", "user"),
    [
        ("registry.example/a/model", {"registry.example": entry("host")}, "host"),
        ("registry.example/a/model", {"https://registry.example/": entry("url")}, "url"),
        ("registry.example/a/model", {"registry.example": entry("host"), "registry.example/a": entry("path")}, "path"),
        ("registry.example/ab/model", {"registry.example/a": entry("path")}, None),
        ("registry.example:5000/model", {"registry.example": entry("no port")}, None),
        ("registry.example:5000/model", {"registry.example:5000": entry("port")}, "port"),
        ("eu.registry.example/model", {"*.registry.example": entry("any")}, "any"),
        ("a.eu.registry.example/model", {"*.registry.example": entry("any")}, None),
        ("docker.io/org/model", {"https://index.docker.io/v1/": entry("hub")}, "hub"),
        ("docker.io/org/model", {"docker.io": entry("hub")}, "hub"),
        ("registry.example/model", {"registry.example": {"username": "plain", "password": "x"}}, "plain"),
        ("registry.example/model", {"registry.example": {"auth": "no base64!"}}, None),
        ("registry.example/model", {"registry.example": {}}, None),
        ("registry.example/model", {"registry.example": "text"}, None),
    ],
)
def test_the_entry_that_says_most_is_taken(
    tmp_path: Path, repository: str, entries: dict[str, Any], user: str | None
) -> None:
    assert user_of(tmp_path, repository, entries) == user


def test_a_refresh_token_is_a_password(tmp_path: Path) -> None:
    packed = {**entry("00000000-0000-0000-0000-000000000000", ""), "identitytoken": "token"}
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"registry.example": packed}}), encoding="utf-8")
    found = find_credentials("registry.example/model", {"DOCKER_CONFIG": str(tmp_path)})
    assert found == Credentials("00000000-0000-0000-0000-000000000000", "token")


def test_files_are_looked_for_where_tools_write_them_and_the_first_of_several_wins(tmp_path: Path) -> None:
    places = {
        "a.json": "first",
        "b.json": "second",
        ".docker/config.json": "docker",
        "run/containers/auth.json": "podman",
    }
    for place, name in places.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(json.dumps({"auths": {"registry.example": entry(name)}}), encoding="utf-8")

    def user(**environment: str) -> str | None:
        found = find_credentials("registry.example/model", {"HOME": "/nonexistent", **environment})
        return None if found is None else found.user

    assert user(REGISTRY_AUTH_FILE=f"{tmp_path}/absent:{tmp_path}/a.json:{tmp_path}/b.json") == "first"
    assert user(HOME=str(tmp_path)) == "docker"
    assert user(XDG_RUNTIME_DIR=str(tmp_path / "run")) == "podman"
    assert user() is None


@pytest.mark.parametrize("text", ["", "[]", '{"auths": []}', "{" * 100_000, "\0"])
def test_a_file_without_credentials_is_refused_without_being_quoted(tmp_path: Path, text: str) -> None:
    (tmp_path / "auth.json").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="holds no credentials of registries") as refused:
        find_credentials("registry.example/model", {"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")})
    assert refused.value.remedy.startswith("Give a file as")
