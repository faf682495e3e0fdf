"""Forms that Kubernetes asks of names, labels and addresses, each with the sentence that says it.

Patterns are RE2's, which Helm and the API server share. A value of such a form is named by `form`, keys of a map by
`keys`, in values_schema.yaml, and fields of Kubernetes' own types in structure_rules.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bge_reranker.address_patterns import IPV4, IPV4_BITS, IPV6, IPV6_BITS, PORT
from bge_reranker.store.sources.patterns import DNS_NAME, STEP
from bge_reranker.store.sources.registry import EXAMPLES, KINDS

_END = "[A-Za-z0-9]"
_LABEL = f"{_END}([-A-Za-z0-9_.]{{0,61}}{_END})?"
_LABEL_NAME = f"({DNS_NAME}/)?{_LABEL}"

# Kubernetes takes the domain of an annotation in any case.
_ANNOTATION_NAME = f"([A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?([.][A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*/)?{_LABEL}"

_DNS_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"

_TOP = "[0-9]*[a-z]([-a-z0-9]*[a-z0-9])?"
"""Last part of a host name, which an address does not have."""

_SIGN = "([^/%]|%([013-9A-Fa-f].|2[0-9A-Ea-e]))"
_SIGN_BUT_DOT = "([^/%.]|%([013-9A-Fa-f].|2[0-9A-Ea-e]))"
_SEGMENT = f"({_SIGN_BUT_DOT}{_SIGN}*|[.]{_SIGN_BUT_DOT}{_SIGN}*|[.]{{2}}{_SIGN}+)"
_SERVER = rf"([^/@ ]+@)?([A-Za-z0-9_.-]+|\[[0-9a-fA-F:.]+\])(:{PORT})?(/[!-~]*)?"
_PREFIXED = "([^/]{1,253}/)?[^/]+"
_IMAGE_LENGTHS = ".{1,255}(:[A-Za-z0-9_][-A-Za-z0-9_.]{0,127})?(@sha256:[0-9a-f]{64})?"
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
        is_address: Whether it is left out where it may hold a password, as `bge_reranker.setting_texts` says.
        lengths: Another pattern of the whole text, for the lengths of its parts, which RE2 cannot ask within the first.
    """

    pattern: str
    sentence: str
    may_be_empty: bool = True
    is_secret: bool = False
    is_address: bool = False
    lengths: str = ""

    @property
    def expression(self) -> str:
        """The regular expression, anchored."""
        return self._anchored(self.pattern)

    @property
    def expressions(self) -> list[str]:
        """All that a text must match, anchored."""
        return [self.expression, *([self._anchored(self.lengths)] if self.lengths else [])]

    def _anchored(self, pattern: str) -> str:
        return f"^({pattern}){'?' if self.may_be_empty else ''}$"


def _choice(*choices: str, may_be_empty: bool = True) -> Form:
    """One of a few words."""
    listed = f"{', '.join(choices[:-1])} or {choices[-1]}" if len(choices) > 1 else choices[0]
    return Form("|".join(map(re.escape, choices)), f"it must be {listed}. Correct it.", may_be_empty=may_be_empty)


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
        _LABEL_NAME,
        "the name of a label has at most 63 characters, letters, digits, dashes, underscores and dots, with a letter "
        "or digit at both ends, and perhaps a domain of at most 253 characters and a slash before them. Correct it.",
        may_be_empty=False,
        lengths=_PREFIXED,
    ),
    "annotationName": Form(
        _ANNOTATION_NAME,
        "the name of an annotation has at most 63 characters, letters, digits, dashes, underscores and dots, with a "
        "letter or digit at both ends, and perhaps a domain of at most 253 characters and a slash before them. "
        "Correct it.",
        may_be_empty=False,
        lengths=_PREFIXED,
    ),
    "key": Form(
        "[.]?[-_A-Za-z0-9][-._A-Za-z0-9]*",
        "a key of a Secret has letters, digits, dashes, underscores and dots. Correct it.",
        may_be_empty=False,
    ),
    "source": Form(
        "|".join(kind.pattern for kind in KINDS),
        f"it must be {EXAMPLES}. Correct it.",
        is_address=True,
    ),
    "image": Form(
        _IMAGE,
        "it must be the reference of an image: a host without https://, a path in lower case with single slashes, a "
        "tag of letters, digits, dots and dashes, and at most 255 characters before the tag. Correct it.",
        lengths=_IMAGE_LENGTHS,
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
        is_address=True,
    ),
    "proxy": Form(
        f"([hH][tT][tT][pP][sS]?://)?{_SERVER}",
        "it must be the address of an HTTP proxy, such as http://host:port. Correct it.",
        is_secret=True,
    ),
    "cidr": Form(
        f"{IPV4}/{IPV4_BITS}|({IPV6})/{IPV6_BITS}",
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
    "runbook": Form(
        "[A-Za-z0-9:/._~%?=&-]+",
        "it must be an address or a path of letters, digits and the signs : / . _ ~ % ? = & and -, such as "
        "https://wiki.example/reranker. Correct it.",
        may_be_empty=False,
        is_address=True,
    ),
    "everywhere": Form(
        "0[.]0[.]0[.]0|::",
        "a pod must listen on all of its addresses, or neither its probes nor callers reach it. Leave it out, or set "
        'it to "::" where pods have IPv6 addresses alone.',
    ),
}
"""By the name that values_schema.yaml uses."""

_QUANTITY_UNIT = "([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?"
_QUANTITY_SENTENCE = "it must be a quantity, which is a number and a unit without a space, such as 500m, 2 or 10Gi"
_FIELD = rf"metadata\.(name|namespace|uid|labels\['{_LABEL_NAME}'\]|annotations\['{_ANNOTATION_NAME}'\])"
_PORT_NAME = "[a-z0-9]+(-[a-z0-9]+)*"
_PORT_NAME_LENGTHS = "[-0-9]{0,14}[a-z][-a-z0-9]{0,14}"
_PORT_NAME_SENTENCE = (
    "the name of a port has at most 15 lower-case letters, digits and single dashes, one letter at least"
)
_ACCESS_MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")

STRUCTURE_FORMS = {
    "requiredName": replace(FORMS["name"], may_be_empty=False),
    "anyName": Form(r"(?s:.+)", "it must not be empty. Give it a value.", may_be_empty=False),
    "labelNameOrNone": replace(FORMS["labelName"], may_be_empty=True),
    "tolerationOperator": _choice("Exists", "Equal", "Lt", "Gt"),
    "taintEffect": _choice("NoSchedule", "PreferNoSchedule", "NoExecute"),
    "nodeOperator": _choice("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", may_be_empty=False),
    "fieldOperator": _choice("In", "NotIn", may_be_empty=False),
    "nodeField": _choice("metadata.name", may_be_empty=False),
    "labelOperator": _choice("In", "NotIn", "Exists", "DoesNotExist", may_be_empty=False),
    "unsatisfiable": _choice("DoNotSchedule", "ScheduleAnyway", may_be_empty=False),
    "nodePolicy": _choice("Honor", "Ignore", may_be_empty=False),
    "selectPolicy": _choice("Max", "Min", "Disabled", may_be_empty=False),
    "scalingPolicy": _choice("Pods", "Percent", may_be_empty=False),
    "quantity": Form(
        rf"([0-9]+([.][0-9]*)?|[.][0-9]+){_QUANTITY_UNIT}", f"{_QUANTITY_SENTENCE}. Correct it.", may_be_empty=False
    ),
    "positiveQuantity": Form(
        rf"([0-9]*[1-9][0-9]*([.][0-9]*)?|[0-9]*[.][0-9]*[1-9][0-9]*){_QUANTITY_UNIT}",
        f"{_QUANTITY_SENTENCE}, and above 0. Correct it.",
        may_be_empty=False,
    ),
    "metricName": Form(
        "[^/%.][^/%]*|[.][^/%.][^/%]*|[.]{2}[^/%]+",
        "the name of a metric is part of a path: it has no slash and no percent sign. Correct it.",
        may_be_empty=False,
    ),
    "pathSegment": Form(
        "[^/%.][^/%]*|[.][^/%.][^/%]*|[.]{2}[^/%]+",
        "it is part of a path: it has no slash and no percent sign. Correct it.",
        may_be_empty=False,
    ),
    "tlsHost": Form(
        f"([*][.])?{DNS_NAME}",
        "it must be a host name in lower case, without https://, port or path, such as rerank.example or *.example. "
        "Correct it.",
        lengths=".{1,253}",
        may_be_empty=False,
    ),
    "pathWithin": Form(
        f"({STEP}(/({STEP})?)*)",
        "it must be a path within the volume, without a slash first and without .. . Correct it.",
    ),
    "requiredPathWithin": Form(
        f"([^/.][^/]*|[.]([^/.][^/]*)?)(/({STEP})?)*",
        "it must be a path within the volume, without a slash first and without .. . Correct it.",
        may_be_empty=False,
    ),
    "absolutePath": Form("/.*", "it must be a path that begins with a slash. Correct it.", may_be_empty=False),
    "hostPath": Form(
        f"/?({STEP}(/({STEP})?)*)?",
        "it must be a path without .. . Correct it.",
        may_be_empty=False,
        lengths="(?s:.+)",
    ),
    "hostPathType": _choice(
        "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"
    ),
    "mountPropagation": _choice("None", "HostToContainer", "Bidirectional", may_be_empty=False),
    "recursiveReadOnly": _choice("Disabled", "IfPossible", "Enabled", may_be_empty=False),
    "variable": Form("[^=]+", "the name of a variable has no equals sign. Correct it.", may_be_empty=False),
    "variableOrNone": Form("[^=]+", "the beginning of variables' names has no equals sign. Correct it."),
    "podField": Form(
        _FIELD + r"|spec\.(nodeName|serviceAccountName)|status\.(hostIP|hostIPs|podIP|podIPs)",
        "it must be a field of the pod, such as metadata.name or metadata.labels['app']. Correct it.",
        may_be_empty=False,
    ),
    "volumeField": Form(
        _FIELD + "|metadata[.](labels|annotations)",
        "it must be a field of the pod's metadata, such as metadata.labels. Correct it.",
        may_be_empty=False,
    ),
    "driver": Form(
        "[A-Za-z0-9]([-A-Za-z0-9.]{0,61}[A-Za-z0-9])?",
        "the name of a driver has at most 63 letters, digits, dashes and dots. Correct it.",
        may_be_empty=False,
    ),
    "coreVersion": _choice("v1"),
    "containerResource": Form(
        "(limits|requests)[.](cpu|memory|ephemeral-storage|hugepages-.+)",
        "it must be a resource of a container, such as limits.cpu. Correct it.",
        may_be_empty=False,
    ),
    "resourceName": Form(
        f"cpu|memory|ephemeral-storage|hugepages-.+|{DNS_NAME}/{_LABEL}",
        "it must be a resource of a container: cpu, memory, ephemeral-storage, or one with its domain, such as "
        "nvidia.com/gpu. Correct it.",
        may_be_empty=False,
    ),
    "resizedResource": _choice("cpu", "memory", may_be_empty=False),
    "resizePolicy": _choice("NotRequired", "RestartContainer", may_be_empty=False),
    "medium": Form("Memory|HugePages(-.+)?", "it must be Memory or HugePages. Correct it, or leave it out."),
    "requiredImage": replace(FORMS["image"], may_be_empty=False),
    "unpadded": Form(r"[^\s](.*[^\s])?", "it must have no blanks around it. Remove them."),
    "pullPolicy": _choice("IfNotPresent", "Always", "Never"),
    "accessMode": _choice(*_ACCESS_MODES, may_be_empty=False),
    "volumeMode": _choice("Filesystem", "Block", may_be_empty=False),
    "terminationMessagePolicy": _choice("File", "FallbackToLogsOnError"),
    "protocol": _choice("TCP", "UDP", "SCTP"),
    "portName": Form(
        _PORT_NAME,
        f"{_PORT_NAME_SENTENCE}, and a number stands without quotes. Correct it.",
        may_be_empty=False,
        lengths=_PORT_NAME_LENGTHS,
    ),
    "containerPortName": Form(_PORT_NAME, f"{_PORT_NAME_SENTENCE}. Correct it.", lengths=_PORT_NAME_LENGTHS),
    "scheme": _choice("HTTP", "HTTPS"),
    "headerName": Form(
        "[-A-Za-z0-9]+", "the name of a header has letters, digits and dashes. Correct it.", may_be_empty=False
    ),
    "profileType": _choice("RuntimeDefault", "Unconfined", "Localhost", may_be_empty=False),
    "fsGroupChangePolicy": _choice("OnRootMismatch", "Always", may_be_empty=False),
    "supplementalGroupsPolicy": _choice("Merge", "Strict", may_be_empty=False),
    "seLinuxChangePolicy": _choice("Recursive", "MountOption", may_be_empty=False),
    "procMount": _choice("Default", "Unmasked", may_be_empty=False),
    "sysctl": Form(
        "[a-z0-9]([-_a-z0-9]*[a-z0-9])?([./][a-z0-9]([-_a-z0-9]*[a-z0-9])?)*",
        "the name of a kernel parameter has parts of lower-case letters, digits, dashes and underscores, with dots "
        "between them. Correct it.",
        may_be_empty=False,
        lengths=".{1,253}",
    ),
}
"""By the name that structure_rules.py uses, which has those of `FORMS` too."""

SETTING_FORMS = {"http.host": "everywhere", "http.managementHost": "everywhere"}
"""Forms that a pod asks of settings of the service, which elsewhere may be anything."""
