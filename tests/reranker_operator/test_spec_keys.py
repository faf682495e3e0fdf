from __future__ import annotations

import pytest

from reranker_operator.spec_keys import with_spec_keys


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Correct expectDigest (--expect-digest), or the revision.", "Correct model.digest, or the revision."),
        ("Set cacheDir (--cache-dir) first.", "Set cache first."),
        ("Give a token that may read it as HF_TOKEN.", "Give a token that may read it as secrets.hubToken."),
        ("Give keys (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, or a file).", "Give keys (secrets.s3, or a file)."),
        ("text.maxPairTokens is 600 and more.", "config.text.maxPairTokens is 600 and more."),
        (
            "http.maxDocuments (flag --max-documents, variable BGE_RERANKER_MAX_DOCUMENTS) is 0.",
            "config.http.maxDocuments is 0.",
        ),
        ("Set model.verify: full.", "Set config.model.verify: full."),
        ("config.text.maxPairTokens", "config.text.maxPairTokens"),
        ("model.safetensors is missing beside model.fp16.safetensors.", None),
        ("https://text.example/http.client/engine.py and file://model.device", None),
        ("The hub wants a token. Set secrets.hubToken.", None),
    ],
)
def test_settings_flags_and_variables_become_keys_of_the_spec_and_nothing_else_does(
    said: str, expected: str | None
) -> None:
    assert with_spec_keys(said) == (said if expected is None else expected)
