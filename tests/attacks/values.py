"""Values that would end in half a release, or in objects that nobody meant: refused before anything is made."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.attacks.attack import Attack
from tests.chart.rendering import Values, refusal

REFUSED: dict[str, tuple[Values, str]] = {
    "a label's value with a line break": ({"podLabels": {"a": "b\nc"}}, "podLabels"),
    "a label's value that is a template": ({"commonLabels": {"a": "{{ .Release.Name }}"}}, "commonLabels"),
    "a label's value of letters that are not ASCII": ({"nodeSelector": {"zone": "zürich"}}, "nodeSelector"),
    "a label's value that is too long": ({"podLabels": {"a": "b" * 64}}, "podLabels"),
    "an annotation whose name has no name": ({"podAnnotations": {"x.example/": "b"}}, "podAnnotations"),
    "a class that is YAML": ({"priorityClassName": "x\nhostNetwork: true"}, "priorityClassName"),
    "an address for a range": ({"networkPolicy": {"egressCidrs": ["10.0.0.1"]}}, "networkPolicy.egressCidrs"),
    "a range with a line break": ({"networkPolicy": {"egressCidrs": ["10.0.0.0/8\n"]}}, "networkPolicy.egressCidrs"),
    "a range of two families": ({"networkPolicy": {"egressCidrs": ["fd00::/129"]}}, "networkPolicy.egressCidrs"),
    "a host that is a name": ({"config": {"http": {"host": "pod.example"}}}, "config.http.host"),
    "a host with a port": ({"config": {"http": {"managementHost": "0.0.0.0:1"}}}, "config.http.managementHost"),
    "a pair without room": ({"config": {"text": {"maxPairTokens": 1}}}, "config.text.maxPairTokens"),
    "a query as long as the pair of the model": (
        {"model": {"source": "demo"}, "config": {"text": {"maxQueryTokens": 1_000_000}}},
        "config.text.maxQueryTokens",
    ),
    "a body larger than all bodies": (
        {"config": {"http": {"maxBodyBytes": 1_073_741_824}}},
        "config.http.maxBodiesBytes",
    ),
    "a path that climbs": ({"ingress": {"path": "/%2e%2e/%2f"}}, "ingress.path"),
    "a key of a Secret that climbs": ({"secrets": {"apiKeys": {"key": "../token"}}}, "secrets.apiKeys.key"),
}


def key_of(values: Values) -> str:
    """The key that the one sentence is about."""
    sentences = [line[2:] for line in refusal(values).splitlines() if line.startswith("- ")]
    assert len(sentences) == 1, sentences
    return re.split(r" (?:is|has|must) ", sentences[0])[0]


def launched(values: Values) -> Callable[[Path], str]:
    return lambda _: key_of(values)


ROWS = tuple(Attack("values", name, launched(values), outcome) for name, (values, outcome) in REFUSED.items())
