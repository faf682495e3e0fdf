"""A dialect costs two places by hand: its own module, and its name in the registry."""

from __future__ import annotations

import json

from .tree import TreeCopy

MODULE = '''"""The dialect of a toy."""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from ...ranking.request import RankRequest
from ..call import Call, RequestContext
from ..dialect import Dialect
from ..error_form import Statuses
from ..exchange import Ranked
from ..fields import Body, Flag, Model, Query, Texts, TopN
from ..results import frame, ranked_items
from ..schema import framed, list_of, scored


class ToyBody(Body):
    """A question with snippets."""

    question = Query("What is asked.")
    snippets = Texts()
    most = TopN("Most results.", minimum=2)
    in_logits = Flag("Logits instead of their sigmoids.")
    model = Model()


class ToyDialect(Dialect[ToyBody]):
    """`snippets` in, `points` out."""

    name = "toy"
    title = "Toy"
    routes = ("/toy/order",)
    document_keys = ("snippets",)
    example: ClassVar[dict[str, Any]] = {"question": "What is a toy?", "snippets": ["A thing to play with.", "Cheese."]}
    logits: ClassVar[dict[str, Any]] = {"in_logits": True}
    statuses = Statuses(empty=409)
    body = ToyBody
    answer = framed({"order": list_of(scored("points"))})

    @override
    def parse(self, body: ToyBody, context: RequestContext) -> Call:
        return Call(RankRequest(body.question, body.snippets), top_n=body.most, raw_scores=body.in_logits)

    @override
    def render(self, ranked: Ranked) -> dict[str, Any]:
        return frame(ranked) | {"order": ranked_items(ranked, "points")}


DIALECT = ToyDialect()
'''

VISIT = """
import json, sys, tempfile
from pathlib import Path
import httpx
import bge_reranker
from tests.live.server import live_server

assert str(Path(bge_reranker.__file__)).startswith(str(Path.cwd())), bge_reranker.__file__
body = {"question": "q", "snippets": ["bad", "good", "good good"]}
with tempfile.TemporaryDirectory() as folder, live_server(Path(folder)) as server:
    found = {
        "by route": server.post(body, path="/toy/order").json(),
        "by keys": server.post(body | {"in_logits": True, "most": 2}).json(),
        "by name": server.post(body, path="/dialects/toy/rerank").json(),
        "empty": server.post(body | {"snippets": []}, path="/toy/order").status_code,
        "too few": server.post(body | {"most": 1}).json()["message"],
        "document": httpx.get(server.url + "/openapi.json").json(),
        "commands": httpx.get(server.url + "/dialects").json()["dialects"],
    }
json.dump(found, sys.stdout)
"""


def test_a_dialect_is_a_module_and_a_line_of_the_registry(tree: TreeCopy) -> None:
    tree.write("service/src/bge_reranker/api/dialects/toy.py", MODULE)
    tree.insert("service/src/bge_reranker/settings.py", '    "sagemaker",', '    "toy",')
    assert len(tree.touched) == 2

    generated = tree.run("-m", "generate")
    assert generated.returncode == 0, generated.stderr
    rows = [line for line in (tree.root / "docs/dialects.md").read_text().splitlines() if line.startswith("| `toy`")]
    assert rows == [
        "| `toy` | Toy | `snippets`; `/toy/order` | `snippets` in, `points` out. | sigmoid; `in_logits` |",
        "| `toy` | 409 | 422 | 422 | 422 | 422 | 429 | 503 | 500 | 401 |",
    ]

    visited = tree.run("-c", VISIT)
    assert visited.returncode == 0, visited.stderr
    found = json.loads(visited.stdout)
    assert [item["index"] for item in found["by route"]["order"]] == [2, 1, 0]
    assert found["by keys"]["order"] == [{"index": 2, "points": 2.0}, {"index": 1, "points": 1.0}]
    assert found["by name"]["order"] == found["by route"]["order"]
    assert found["empty"] == 409
    assert "`most` is 1; it must be at least 2" in found["too few"]

    paths, schemas = found["document"]["paths"], found["document"]["components"]["schemas"]
    assert "409" in paths["/toy/order"]["post"]["responses"]
    assert paths["/dialects/toy/toy/order"]["post"]["summary"] == "Rank documents for a query (Toy)"
    assert schemas["toy-request"]["required"] == ["question", "snippets"]
    assert schemas["toy-request"]["properties"]["question"]["description"] == "What is asked."
    request = paths["/rerank"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"$ref": "#/components/schemas/toy-request"} in request["anyOf"]

    [command] = [command for command in found["commands"] if command["name"] == "toy"]
    assert command["path"] == "toy/order"
    assert command["body"] == {"question": "{query}", "snippets": ["{each}", "{document}"]}
    assert command["logits"] == {"in_logits": True}
