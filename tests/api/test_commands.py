"""The templates of requests that the page writes its commands from."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bge_reranker.api.call import Call, RequestContext
from bge_reranker.api.commands import commands
from bge_reranker.api.dispatch import DIALECTS, candidates
from bge_reranker.settings import DialectSettings
from tests.live.server import LiveServer

COMMANDS = {command["name"]: command for command in commands()}
TEXTS = ["one", "two", "three"]


@pytest.mark.parametrize("name", DIALECTS)
def test_a_filled_template_asks_for_every_document(name: str) -> None:
    request = read(name, filled(COMMANDS[name]["body"])).request
    assert set(request.queries or [request.query]) == {"q"}
    assert request.documents == TEXTS


@pytest.mark.parametrize("name", [name for name in DIALECTS if COMMANDS[name]["logits"]])
def test_what_is_added_for_logits_gives_logits(name: str) -> None:
    body = filled(COMMANDS[name]["body"])
    more = COMMANDS[name]["logits"]
    if name == "tei-vertex":
        body["instances"][0] |= more["instances"][0]
    else:
        body |= more
    assert read(name, body).raw_scores


@pytest.mark.parametrize("name", DIALECTS)
def test_a_command_names_its_dialect_only_where_nothing_else_tells_it(name: str) -> None:
    command, prefix = COMMANDS[name], f"dialects/{name}/"
    by_keys = name not in {"llamacpp", "infinity", "sglang", "pinecone"}
    assert command["path"].startswith(prefix) is not by_keys
    if by_keys:
        assert candidates(f"/{command['path']}", None).settle(filled(command["body"])).name == name


def test_the_templates_are_served(server: LiveServer) -> None:
    assert httpx.get(server.url + "/dialects").json() == {"dialects": commands()}


def read(name: str, body: dict[str, Any]) -> Call:
    return DIALECTS[name].read(body, 10, RequestContext(by_name=True, settings=DialectSettings(), long_documents="cut"))


def filled(template: Any, text: str = "") -> Any:
    """A template with texts of the tests, as the page fills it."""
    if template in ("{query}", "{document}"):
        return "q" if template == "{query}" else text
    if isinstance(template, dict):
        return {key: filled(item, text) for key, item in template.items()}
    if not isinstance(template, list):
        return template
    if template[0] == "{each}":
        return [filled(template[1], one) for one in TEXTS]
    return [filled(item, text) for item in template]
