"""Parts of the patterns of sources that several kinds share, in RE2's dialect."""

from __future__ import annotations

from ...address_patterns import PORT

DNS_NAME = "[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
"""The name of an object of Kubernetes."""

REVISION = "[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}"
"""A branch, a tag or a commit."""

STEP = "([^/.][^/]*|[.]([^/.][^/]*)?|[.]{2}[^/]+)"
"""One step of a path that is not `..`."""

HTTPS_HOST = rf"([^/?#@]*@)?([^/?#@:\[\]]+|\[[0-9a-fA-F:.]+\])(:({PORT})?)?"
"""A host with what may stand around it before the path of an address."""
