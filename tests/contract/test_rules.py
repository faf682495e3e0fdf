"""What chart, resource and service refuse with one sentence."""

from __future__ import annotations

import ipaddress
import re

import pytest

from bge_reranker.demo import demo_model_directory
from bge_reranker.model.checkpoint.folder import read_checkpoint
from bge_reranker.text.tokenizer_folder import TokenizerFolder
from generate.chart.forms import FORMS
from generate.chart.rules import MODEL_PAIR_TOKENS_OF


def test_the_chart_knows_the_longest_pair_of_the_embedded_model() -> None:
    folder = demo_model_directory()
    geometry = read_checkpoint(folder).geometry
    assert geometry is not None
    limits = (geometry.max_pair_tokens, TokenizerFolder.read(folder).settings.max_pair_tokens("crossencoder"))
    assert MODEL_PAIR_TOKENS_OF["demo"] == min(limit for limit in limits if limit is not None)


RANGES = (
    "0.0.0.0/0 10.0.0.0/8 192.168.1.1/32 ::/0 fd00::/8 2001:db8::1/128 1:2:3:4:5:6:7:8/64 ::1/128 1::/16 1:2::8/99 "
    "10.0.0.0/33 10.0.0/8 256.0.0.0/8 10.0.0.0 10.0.0.0/ /8 fd00::/129 fd00:::/8 1:2:3/64 1::2::3/64 12345::/16 g::/8 "
    "1:2:3:4:5:6:7::/64 ::2:3:4:5:6:7:8/64 1:2:3:4:5:6:7:8:9/64 1:2:3:4:5:6:7::8/64 10.0.0.0/99 a/b"
).split()


@pytest.mark.parametrize("given", RANGES)
def test_a_range_of_addresses_is_what_python_takes_for_one(given: str) -> None:
    try:
        ipaddress.ip_network(given, strict=False)
        is_one = "/" in given
    except ValueError:
        is_one = False
    assert bool(re.match(FORMS["cidr"].expression, given)) == is_one


DOMAIN = ".".join(["d" * 63] * 3 + ["d" * 61])
"""As long as the domain of a label may be."""


@pytest.mark.parametrize(
    ("form", "right", "wrong"),
    [
        ("name", ["", "a", "a.b-c", "0" * 253], ["A", "-a", "a-", "a..b", "a_b", "a/b", "a "]),
        ("namespace", ["a", "kube-system", "n" * 63], ["", "a.b", "n" * 64, "A"]),
        ("label", ["", "a", "A.b_c-d", "v" * 63], ["-", "a b", "v" * 64, "ä", "a/b", "a\nb"]),
        ("labelName", ["a", "x.example/a", "A_b"], ["", "/a", "x.example/", "X.example/a", "a/b/c", "a b", "n" * 64]),
        ("labelName", [f"{DOMAIN}/a"], [f"{DOMAIN}a/a"]),
        ("annotationName", [f"{DOMAIN}/a"], [f"{DOMAIN}a/a"]),
        ("image", ["a" * 255, "a" * 255 + ":" + "t" * 128], ["a" * 256, "a" * 256 + ":t"]),
        (
            "source",
            ["https://user:pw@host:443/m", "https://[::1]:65535/m", "https://host:/m"],
            ["https://host:99999/m"],
        ),
        ("annotationName", ["a", "X.Example/a", "a.b/C_d"], ["", "/a", "x/", "a/b/c", "x..y/a", "n" * 64]),
        ("key", ["keys", ".dockerconfigjson", "a..b", "A_B"], ["", ".", "..", "..a", "a/b", "a b"]),
        (
            "host",
            ["a", "*.a.example", "a.example", "9.a1", "1a"],
            ["", "*", "A", "10.0.0.1", "*.1", "a:80", "https://a", "*.*.a", "a."],
        ),
        ("path", ["/", "/a", "/a/", "/a/.b/..c", "/%41"], ["", "a", "//", "/a//b", "/.", "/../a", "/a/..", "/%2Fa"]),
        ("deviceResource", ["nvidia.com/gpu", "nvidia.com/mig-1g.10gb"], ["gpu", "a/", "/b", "a..b/c", "a/b/c"]),
        (
            "source",
            [
                *("demo", "/models/a", "org/name", "hf://org/name@main", "hf://org/na.me@refs/pr/1", "file:///a/../b"),
                *(
                    "s3://bucket",
                    "s3://bucket/a/..b/c/",
                    "https://host/m.tar.gz?x=..",
                    "pvc://claim",
                    "pvc://c.d/a b/c",
                ),
            ],
            [
                *("demo2", "org", "hf://org", "hf://a/b/c", "hf://org/name@", "ftp://h/m", "http://h/m", "s3:///a"),
                *(
                    "s3://bucket/..",
                    "pvc://claim/../b",
                    "pvc://A/b",
                    "https:///m",
                    "hf://-a/b",
                    "hf://a b/c",
                    "hf://a/b@-c",
                ),
            ],
        ),
        (
            "server",
            ["", "http://a", "https://a.example:443/x", "https://[::1]:8000", "http://user:pw@a_b"],
            ["a", "ftp://a", "https://", "https://a b", "https://a:b", "https://a:123456", "https://[x]"],
        ),
        (
            "server",
            ["http://a:0", "http://a:65535", "http://a:08080", "http://a:9999/x"],
            ["http://a:65536", "http://a:70000", "http://a:99999"],
        ),
        (
            "image",
            ["", "models", "r.example:5000/a/b_c:1.0", "[fd00::1]:5000/m", "m@sha256:" + "0" * 64],
            ["https://r/m", "R/M", "m:a:b", "r//m", "m ", "m@sha256:0", "[x]/m"],
        ),
        ("metric", ["a_b:c", "kafka|lag", "a.b-c"], ["", ".", "..", "a/b", "a%b", "a b", "-a"]),
        ("proxy", ["", "a:3128", "http://user:pw@a:1", "HTTPS://a"], ["socks5://a", "http://", "a b", "http://a:b"]),
        ("everywhere", ["0.0.0.0", "::"], ["127.0.0.1", "localhost", "0.0.0.0.0", "::1"]),
    ],
)
def test_a_form_takes_what_kubernetes_takes(form: str, right: list[str], wrong: list[str]) -> None:
    # RE2's `$` is the end of the text, Python's also stands before a line break there.
    expressions = [re.compile(each.removesuffix("$") + r"\Z") for each in FORMS[form].expressions]
    assert [each for each in right if not all(expression.match(each) for expression in expressions)] == []
    assert [each for each in wrong if all(expression.match(each) for expression in expressions)] == []
