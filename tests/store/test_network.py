"""What the environment says of the way to sources, where it cannot be: one code, one sentence, one remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from bge_reranker.errors import HubUnreachable, SettingsError
from bge_reranker.store.resolve import resolve_model

from .models import fetch

SOURCES = ("hf://org/name", "https://127.0.0.1:9/model.tar", "s3://bucket/prefix")
NOWHERE = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": "/nonexistent"}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"ALL_PROXY": "socks5h://user:hush@127.0.0.1:1080"}, "ALL_PROXY names a proxy of the kind 'socks5h'"),
        ({"https_proxy": "socks4://127.0.0.1:1080"}, "https_proxy names a proxy of the kind 'socks4'"),
        ({"HTTPS_PROXY": "ftp://127.0.0.1"}, "HTTPS_PROXY names a proxy of the kind 'ftp'"),
        ({"HTTPS_PROXY": "http://user:hush@127.0.0.1:port"}, "HTTPS_PROXY is no address of a proxy"),
        ({"HTTP_PROXY": "http://127.0.0.1:1080\n"}, "HTTP_PROXY is no address of a proxy"),
        ({"HTTP_PROXY": " "}, "HTTP_PROXY is no address of a proxy"),
        ({"SSL_CERT_FILE": "/nonexistent"}, "SSL_CERT_FILE is /nonexistent, which cannot be used: No such file"),
        (
            {"SSL_CERT_FILE": "/etc/passwd"},
            "SSL_CERT_FILE is /etc/passwd, which cannot be used: it holds no certificate",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_way_that_cannot_be_is_a_setting_s_fault_whatever_the_source(
    tmp_path: Path, source: str, variables: dict[str, str], words: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        fetch(tmp_path, source, NOWHERE | variables)
    assert words in raised.value.message
    assert "unset it" in raised.value.remedy
    assert "hush" not in raised.value.sentence()


@pytest.mark.parametrize("endpoint", ["mirror.example", "ftp://mirror.example", "https://", "https://mirror:port"])
def test_an_endpoint_that_is_no_address_is_a_setting_s_fault(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(SettingsError, match=r"HF_ENDPOINT is .*, which is no address of a server"):
        fetch(tmp_path, SOURCES[0], NOWHERE | {"HF_ENDPOINT": endpoint})


def test_an_endpoint_with_a_line_break_is_used_without_it(tmp_path: Path) -> None:
    with pytest.raises(HubUnreachable, match=r"^http://127\.0\.0\.1:9 does not answer"):
        fetch(tmp_path, SOURCES[0], NOWHERE | {"HF_ENDPOINT": "http://127.0.0.1:9/\n"})


@pytest.mark.parametrize("name", ["HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"])
@pytest.mark.parametrize("value", ["2.5", "", "ten", "0", "-1"])
def test_a_timeout_that_the_hub_s_client_cannot_read_is_a_setting_s_fault(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    # Who needs no hub does not meet its client.
    assert resolve_model("demo", {}).name == "demo"
    with pytest.raises(SettingsError, match=f"{name} is '{value}', and the hub's client takes whole seconds") as raised:
        resolve_model("org/name", {})
    assert raised.value.remedy == "Write a whole number above 0, or unset it."
