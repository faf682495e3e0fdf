"""Forms that Kubernetes asks of names, labels and addresses, each with the sentence that says it.

Patterns are RE2's, which Helm and the API server share. A value of such a form is named by `form`, keys of a map by
`keys`, in values_schema.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass

from bge_reranker.store.sources.patterns import DNS_NAME, REVISION
from bge_reranker.store.sources.registry import EXAMPLES, KINDS

_END = "[A-Za-z0-9]"
_LABEL = f"{_END}([-A-Za-z0-9_.]{{0,61}}{_END})?"
_DNS_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"

_TOP = "[0-9]*[a-z]([-a-z0-9]*[a-z0-9])?"
"""Last part of a host name, which an address does not have."""

_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = f"({_BYTE}[.]){{3}}{_BYTE}"
_GROUP = "[0-9a-fA-F]{1,4}"
_IPV6 = "|".join(
    [
        f"({_GROUP}:){{7}}{_GROUP}",
        *(f"({_GROUP}:){{{before}}}(:{_GROUP}){{1,{7 - before}}}" for before in range(1, 7)),
        f":(:{_GROUP}){{1,7}}",
        f"({_GROUP}:){{1,7}}:",
        "::",
    ]
)

_SIGN = "([^/%]|%([013-9A-Fa-f].|2[0-9A-Ea-e]))"
_SIGN_BUT_DOT = "([^/%.]|%([013-9A-Fa-f].|2[0-9A-Ea-e]))"
_SEGMENT = f"({_SIGN_BUT_DOT}{_SIGN}*|[.]{_SIGN_BUT_DOT}{_SIGN}*|[.]{{2}}{_SIGN}+)"
_PORT = "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[0-5]?[0-9]{1,4})"
_SERVER = rf"([^/@ ]+@)?([A-Za-z0-9_.-]+|\[[0-9a-fA-F:.]+\])(:{_PORT})?(/[!-~]*)?"
_IMAGE = (
    r"(([A-Za-z0-9][-A-Za-z0-9.]*|\[[0-9a-fA-F:]+\])(:[0-9]+)?/)?[a-z0-9]+(([.]|_{1,2}|-+|/)[a-z0-9]+)*"
    "(:[A-Za-z0-9_][-A-Za-z0-9_.]{0,127})?(@sha256:[0-9a-f]{64})?"
)


@dataclass(frozen=True)
class Form:
    """What a text must look like.

    Attributes:
        pattern: Of the whole text, without anchors.
        sentence: What it must be, and the remedy; it follows the key and what was given.
        is_secret: Whether what was given is left out.
    """

    pattern: str
    sentence: str
    may_be_empty: bool = True
    is_secret: bool = False

    @property
    def expression(self) -> str:
        """The regular expression, anchored."""
        return f"^({self.pattern}){'?' if self.may_be_empty else ''}$"


FORMS = {
    "name": Form(
        DNS_NAME,
        "the name of an object has lower-case letters, digits, dashes and dots, with a letter or digit at both ends. "
        "Correct it.",
    ),
    "namespace": Form(
        _DNS_LABEL,
        "the name of a namespace has at most 63 characters, lower-case letters, digits and dashes, with a letter or "
        "digit at both ends. Correct it.",
        may_be_empty=False,
    ),
    "host": Form(
        f"([*][.])?([a-z0-9]([-a-z0-9]*[a-z0-9])?[.])*{_TOP}",
        "it must be a host name in lower case, without https://, port or path, such as rerank.example or *.example. "
        "Correct it.",
        may_be_empty=False,
    ),
    "label": Form(
        _LABEL,
        "the value of a label has at most 63 characters, letters, digits, dashes, underscores and dots, with a letter "
        "or digit at both ends. Correct it, or leave it empty.",
    ),
    "labelName": Form(
        f"({DNS_NAME}/)?{_LABEL}",
        "the name of a label has at most 63 characters, letters, digits, dashes, underscores and dots, "
        "with a letter or digit at both ends, and perhaps a domain and a slash before them. Correct it.",
        may_be_empty=False,
    ),
    "annotationName": Form(
        # Kubernetes takes the domain of an annotation in any case.
        f"([A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?([.][A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*/)?{_LABEL}",
        "the name of an annotation has at most 63 characters, letters, digits, dashes, underscores and dots, with a "
        "letter or digit at both ends, and perhaps a domain and a slash before them. Correct it.",
        may_be_empty=False,
    ),
    "key": Form(
        "[.]?[-_A-Za-z0-9][-._A-Za-z0-9]*",
        "a key of a Secret has letters, digits, dashes, underscores and dots. Correct it.",
        may_be_empty=False,
    ),
    "source": Form(
        "|".join(kind.pattern for kind in KINDS),
        f"it must be {EXAMPLES}. Correct it.",
        may_be_empty=False,
    ),
    "revision": Form(
        REVISION,
        "a revision has at most 200 characters, letters, digits, dashes, underscores, dots and slashes, with a letter, "
        "digit or underscore first. Correct it.",
    ),
    "image": Form(
        _IMAGE,
        "it must be the reference of an image: a host without https://, a path in lower case with single slashes, a "
        "tag of letters, digits, dots and dashes. Correct it.",
    ),
    "metric": Form(
        "[A-Za-z0-9_:][-A-Za-z0-9_:.|]*",
        "the name of a metric has letters, digits, dashes, underscores, colons, dots and bars, and begins with none of "
        "dash, dot and bar. Correct it.",
        may_be_empty=False,
    ),
    "server": Form(
        f"https?://{_SERVER}",
        "it must be the address of a server, such as https://host or http://host:port. Correct it.",
    ),
    "proxy": Form(
        f"([hH][tT][tT][pP][sS]?://)?{_SERVER}",
        "it must be the address of an HTTP proxy, such as http://host:port. Correct it.",
        is_secret=True,
    ),
    "cidr": Form(
        f"{_IPV4}/(3[0-2]|[12]?[0-9])|({_IPV6})/(12[0-8]|1[01][0-9]|[1-9]?[0-9])",
        "it must be a range of addresses, such as 10.0.0.0/8 or fd00::/8. Correct it.",
        may_be_empty=False,
    ),
    "path": Form(
        f"/({_SEGMENT}/)*{_SEGMENT}?",
        "it must be a path that begins with a slash, without //, /./, /../ and %2F, such as /search. Correct it.",
        may_be_empty=False,
    ),
    "deviceResource": Form(
        f"{DNS_NAME}/{_LABEL}",
        "it must be the name of a resource with its domain, such as nvidia.com/gpu. Correct it.",
        may_be_empty=False,
    ),
    "everywhere": Form(
        "0[.]0[.]0[.]0|::",
        "a pod must listen on all of its addresses, or neither its probes nor callers reach it. Leave it out, or set "
        'it to "::" where pods have IPv6 addresses alone.',
    ),
}
"""By the name that values_schema.yaml uses."""

SETTING_FORMS = {"http.host": "everywhere", "http.managementHost": "everywhere"}
"""Forms that a pod asks of settings of the service, which elsewhere may be anything."""
