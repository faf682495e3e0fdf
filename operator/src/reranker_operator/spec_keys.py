"""Translates the names of the scorer's settings in its messages into keys of the spec. Pure.

A scorer knows only its own settings, flags and variables; whoever reads its termination message in a Reranker knows the
keys of the spec.
"""

from __future__ import annotations

import re

_KEYS = {
    "model.expectDigest": "model.digest",
    "expectDigest": "model.digest",
    "--expect-digest": "model.digest",
    "model.cacheDir": "cache",
    "cacheDir": "cache",
    "--cache-dir": "cache",
    "model.model": "model.source",
    "guard.keysFile": "secrets.apiKeys",
    "keysFile": "secrets.apiKeys",
    "guard.apiKeys": "secrets.apiKeys",
    "guard.internalTokenFile": "secrets.internalToken",
    "internalTokenFile": "secrets.internalToken",
    "goldenSet": "gate.goldenSet",
    "gate.goldenSetFile": "gate.configMap",
    "goldenSetFile": "gate.configMap",
    "gate.goldenSetSha256": "gate.configMap.sha256",
    "goldenSetSha256": "gate.configMap.sha256",
    "minNdcgAt10": "gate.minNdcgAt10",
    "maxNdcgLoss": "gate.maxNdcgLoss",
    "minKendallTau": "gate.minKendallTau",
    "cutOffs": "gate.cutOffs",
    "gate.timeoutS": "gate.timeoutSeconds",
    "shadow.sampleRatio": "rollout.shadow.sampleRatio",
    **dict.fromkeys(("guard.jwtSecretFile", "jwtSecretFile"), "secrets.jwtSecret"),
    **dict.fromkeys(("guard.jwksFile", "jwksFile"), "secrets.jwks"),
    **dict.fromkeys(("guard.redisPasswordFile", "redisPasswordFile"), "secrets.redis"),
    **dict.fromkeys(("guard.caFile", "caFile"), "secrets.caBundle"),
    **dict.fromkeys(("http.tlsCertFile", "http.tlsKeyFile", "tlsCertFile", "tlsKeyFile"), "secrets.tls"),
    "--allow-pickle": "config.model.allowPickle",
    "model.allowPickle": "config.model.allowPickle",
    "HF_TOKEN": "secrets.hubToken",
    "AWS_ACCESS_KEY_ID": "secrets.s3",
    "AWS_SECRET_ACCESS_KEY": "secrets.s3",
    "REGISTRY_AUTH_FILE": "secrets.registry",
    "SSL_CERT_FILE": "secrets.caBundle",
    "HF_ENDPOINT": "hub.endpoint",
    "AWS_ENDPOINT_URL_S3": "s3.endpoint",
    "AWS_REGION": "s3.region",
    "HTTPS_PROXY": "proxy.https",
    "HTTP_PROXY": "proxy.http",
    "NO_PROXY": "proxy.noProxy",
}
"""What the chart decides by keys of its own."""

_SETTING = (
    r"(?:model\.(?:bodies|device|gpuMemoryFraction|precision|runtime|threads|verify)"
    r"|(?:text|engine|http|dialects|guard|scores|observe|pictures|plan|shadow)\.[a-z][A-Za-z0-9]*)"
)
"""A setting that is in the spec's `config`; of the group `model` by name, since files are called so too."""

_SETTING_NAME = re.compile(
    "|".join(
        [
            *(rf"(?<![\w.-]){re.escape(name)}(?![\w-])" for name in sorted(_KEYS, key=len, reverse=True)),
            rf"(?<![\w./-]){_SETTING}\b(?!\.\w)",
        ]
    )
)
_FLAG_AND_VARIABLE = re.compile(r" \(flag --[a-z0-9-]+, variable [A-Z0-9_]+\)")
_SAID_TWICE = re.compile(r"(\S+)(?: \(\1\)|(?:, | and )\1(?![\w.]))")


def with_spec_keys(text: str) -> str:
    """A message of the scorer with keys of the spec in the place of settings, flags and variables."""
    return _SAID_TWICE.sub(r"\1", _SETTING_NAME.sub(_of_the_spec, _FLAG_AND_VARIABLE.sub("", text)))


def _of_the_spec(found: re.Match[str]) -> str:
    return _KEYS.get(found[0], f"config.{found[0]}")
