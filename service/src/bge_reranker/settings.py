"""Every setting of the scorer, once: name, unit, default, bounds and what it means.

What a declaration allows is read from it by `setting_bounds`, rules between settings are in `setting_rules` and
`setting_combinations`, and `configuration` reads and merges their sources. Each part resolves "auto" in its own
settings before it starts.

Field names are unique across the groups, so that a flag (`--max-batch-tokens`), an environment variable
(`BGE_RERANKER_MAX_BATCH_TOKENS`) and a key of the configuration file (`engine.maxBatchTokens`) need no other prefix.
`UNGROUPED_NAMES` has the exceptions.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel

from .plain_numbers import plain_number
from .precision import PrecisionName
from .setting_combinations import broken_combinations
from .setting_rules import broken
from .setting_texts import (
    IS_ADDRESS,
    Claim,
    CutOffs,
    Device,
    Digest,
    Hosts,
    KeySetAddress,
    Networks,
    Origins,
    Paths,
    Receiver,
    Redis,
    Revision,
    Weights,
)

PrecisionChoice = Literal["auto", PrecisionName]
BodyChoice = Literal["auto", "fast", "plain"]
Preset = Literal["crossencoder", "flagreranker", "tei"]
Truncation = Literal["longest_first", "only_second"]
Direction = Literal["right", "left"]
LongDocuments = Literal["cut", "windows_max", "windows_mean", "reject"]
DialectName = Literal[
    "native",
    "tei",
    "tei-predict",
    "tei-vertex",
    "cohere-v1",
    "cohere-v2",
    "jina",
    "vllm",
    "vllm-score",
    "nim",
    "voyage",
    "mixedbread",
    "weaviate",
    "ovms",
    "llamacpp",
    "infinity",
    "sglang",
    "pinecone",
    "sagemaker",
]
DialectOrFamily = Literal["cohere", DialectName]
Port = Annotated[int, Field(ge=0, le=65535)]


GUARDS = frozenset(
    {
        *("api_keys", "keys_file", "internal_token_file", "redis_password_file", "ca_file"),
        *("tls_cert_file", "tls_key_file"),
        *("requests_per_minute", "tokens_per_minute", "max_caller_bodies_bytes"),
        *("jwt_issuer", "jwt_audience", "jwks_url", "jwks_file", "jwt_secret_file"),
        *("expect_digest", "revision"),
        *("golden_set", "golden_set_file", "golden_set_sha256", "min_ndcg_at_10", "max_ndcg_loss", "min_kendall_tau"),
        *("cut_offs", "peers"),
    }
)
"""Settings that keep somebody or something out, and that are off where they are unset: who names one and leaves it
empty did not mean to open the door, so that emptiness is refused."""


UNGROUPED_NAMES = {
    "source": "model",
    "timeout_s": "gate_timeout_s",
    "hosts": "shadow_hosts",
    "sample_ratio": "shadow_sample_ratio",
    "max_waiting_bytes": "shadow_max_waiting_bytes",
}
"""Fields that flags, variables and Python call by another name, since without their group their own says too little."""


class SettingsGroup(BaseModel):
    """Common behaviour of all groups: frozen, unknown keys refused, camelCase in files."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _choice_in_any_case(cls, value: object, field: ValidationInfo) -> object:
        """Accept a choice in any case; no rule, because it refuses nothing."""
        if isinstance(value, str):
            lowered = value.lower()
            return lowered if lowered in choices_of(cls.model_fields[field.field_name or ""].annotation) else value
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _no_accidental_number(cls, value: object, field: ValidationInfo) -> object:
        """Refuse true and false where a number or a text is expected; no rule, because the schema's type says it."""
        # YAML reads `yes` as true, and true would pass as the number 1. What the setting must be is said before.
        expected = cls.model_fields[field.field_name or ""].annotation
        if isinstance(value, bool) and expected is not bool:
            raise ValueError("YAML reads yes, no, on and off as true and false.")
        if isinstance(value, str) and _reads_as_number(value) and {int, float} & {expected, *get_args(expected)}:
            raise ValueError("Write it in the digits 0 to 9, without a plus, an underscore or a letter.")
        return value


def _reads_as_number(text: str) -> bool:
    """Whether Python takes for a number what is not written as one, such as `1_000`."""
    try:
        number = float(text)
    except ValueError:
        return False
    return math.isfinite(number) and plain_number(text.strip()) is None


def choices_of(annotation: Any) -> frozenset[str]:
    """The words between which a setting chooses, all in lower case; none where it takes anything else."""
    if get_origin(annotation) is Literal:
        return frozenset(str(choice) for choice in get_args(annotation))
    return frozenset[str]().union(*map(choices_of, get_args(annotation)))


class ModelSettings(SettingsGroup):
    """Which model is served, and on what."""

    source: str = Field(default="demo", min_length=1, max_length=4096, json_schema_extra={IS_ADDRESS: True})
    """Model: `demo` (embedded), a folder with a Hugging Face checkpoint, `org/name[@revision]`, or a source:
    `hf://org/name`, `https://` (archive or file list), `s3://bucket/prefix`, `oci://registry/repository@sha256:...`,
    `file:///path`, `pvc://claim/path`."""

    revision: Revision | None = None
    """Version of the model: a commit, branch or tag of a hub, any name of your own elsewhere; unset: the one after the
    `@`, else the source's default."""

    cache_dir: str | None = Field(default=None, min_length=1, max_length=4096)
    """Folder of the model store, in which `bge-reranker model fetch` puts models and `serve` finds them; unset: no
    store, and only folders, Hugging Face caches, `file://` and `pvc://` are served."""

    expect_digest: Digest | None = None
    """Tree digest that the model must have; anything else is refused."""

    verify: Literal["auto", "full", "sample"] = "auto"
    """What is compared with the manifest before a model of the store is served: `full` every byte, `sample` sizes and
    a sample of each file, `auto` every byte where that adds less than a fifth to the load, else a sample."""

    allow_pickle: bool = False
    """Whether `model fetch` accepts weights that are pickles only; they are loaded weights-only and kept as
    safetensors."""

    claims_dir: str = Field(default="/mnt/claims", min_length=1, max_length=4096)
    """Folder in which volume claims are mounted: `pvc://claim/path` is `<claimsDir>/claim/path`."""

    device: Device = "auto"
    """Device: `cpu`, `cuda`, `cuda:N`; `auto` takes the first GPU, else the CPU."""

    precision: PrecisionChoice = "auto"
    """Number format of weights and activations; `auto` is float16 on a GPU, float32 on a CPU whatever its
    instruction sets, and int8 where the model was quantised by `bge-reranker quantise`; never the outcome of a
    timing. `fp8` needs a GPU of compute capability 8.9; `int8_weights` halves the memory of weights on any device."""

    runtime: Literal["auto", "openvino", "torch"] = "auto"
    """Library that computes: `auto` takes OpenVINO on a CPU, where it is installed and has the architecture and
    the precision, and torch elsewhere."""

    gpu_memory_fraction: float = Field(default=1.0, gt=0, le=1)
    """Largest part of a GPU's memory that the process takes, as where others share it; a batch that does not fit is
    halved. No effect on a CPU."""

    bodies: BodyChoice = "auto"
    """How torch computes layers: `auto` with the fast form of each part, or the plain one where warm-up finds that the
    fast one raises or disagrees, which `/info` says; `plain` with plain forms only; `fast` refuses to start instead of
    replacing any. Other than `auto` it makes `runtime` torch."""

    threads: int = Field(default=0, ge=0, le=1024)
    """Threads of the CPU scorer; 0 takes the CPUs this process may use, the cgroup's quota included."""

    @field_validator("device", mode="before")
    @classmethod
    def _device_in_any_case(cls, value: object) -> object:
        """Accept a device in any case; no rule, because it refuses nothing."""
        return value.lower() if isinstance(value, str) else value


class TextSettings(SettingsGroup):
    """How a query and a document become tokens."""

    preset: Preset = "crossencoder"
    """Reference whose tokens are reproduced: `crossencoder` and `tei` cut the longer side first, `flagreranker`
    limits the query to 3/4 of the pair and then cuts the document only."""

    truncation: Truncation | None = None
    """Which side is cut when a pair is too long; unset: as the preset does."""

    truncation_direction: Direction | None = None
    """End of the text at which tokens are dropped; unset: as the checkpoint says (`truncation_side` of
    tokenizer_config.json, which `tei` does not read), else `right`."""

    max_pair_tokens: int = Field(default=0, ge=0, le=1_000_000)
    """Longest pair in tokens, special tokens included; 0 takes the model's own limit, a larger value than that is
    refused."""

    max_query_tokens: int | None = Field(default=None, ge=1, le=1_000_000)
    """Longest query in tokens, the rest is dropped; unset: as the preset does (`flagreranker` 3/4 of the pair,
    others none)."""

    long_documents: LongDocuments = "cut"
    """What happens to a document that does not fit: `cut`, `windows_max` or `windows_mean` (windows scored apart
    and combined), `reject`."""

    window_overlap_tokens: int | None = Field(default=None, ge=0, le=100_000)
    """Document tokens that two neighbouring windows share; unset: an eighth of the longest pair."""

    max_windows: int = Field(default=16, ge=1, le=10_000)
    """Most windows per document; what lies beyond them is dropped and reported as truncated."""


class EngineSettings(SettingsGroup):
    """How requests wait, and how batches are made."""

    max_batch_tokens: int = Field(default=16_384, ge=16, le=4_194_304)
    """Most tokens in one batch; a single longer pair forms a batch of its own."""

    max_batch_ms: float = Field(default=1000.0, gt=0, le=60_000)
    """Longest expected computing time of one batch in milliseconds, so that a slow device neither looks dead nor
    holds up the next caller."""

    max_queue_tokens: int = Field(default=4_194_304, ge=1, le=1_000_000_000_000)
    """Most tokens waiting or in flight; a request beyond it is refused with 429, though an idle server takes any
    request within the other limits."""

    deadline_s: float = Field(default=60.0, gt=0, le=3_600)
    """Longest time in seconds from arrival to answer; callers may ask for less by `X-Request-Deadline-Ms`."""

    most_urgent_priority: int = Field(default=0, ge=-999, le=0)
    """Lowest `priority` that counts; requests that ask for a lower one have this. Lower numbers are served first, and
    0 is that of requests which say nothing: below 0, any caller may go ahead of them."""


class HttpSettings(SettingsGroup):
    """Listeners and their limits."""

    host: str = Field(default="127.0.0.1", min_length=1, max_length=253)
    """Address of the API listener; `::` for all of both families, `0.0.0.0` for those of IPv4 alone."""

    port: Port = 8000
    """Port of the API listener; 0 takes a free one."""

    management_host: str = Field(default="127.0.0.1", min_length=1, max_length=253)
    """Address of the management listener (health, info, metrics); as `host`."""

    management_port: Port = 8001
    """Port of the management listener; 0 takes a free one."""

    tls_cert_file: str | None = Field(default=None, min_length=1, max_length=4096)
    """File with the certificate (PEM, with those of whoever signed it) by which the API's listener speaks TLS, 1.2 or
    1.3; read again within a second of a change. Unset: plain HTTP, as behind an ingress or a mesh. The management
    listener always speaks plain HTTP."""

    tls_key_file: str | None = Field(default=None, min_length=1, max_length=4096)
    """File with the key of that certificate (PEM, without a passphrase)."""

    max_body_bytes: int = Field(default=16_777_216, ge=1_024, le=1_073_741_824)
    """Largest request body in bytes; more is answered 413 and read no further."""

    max_bodies_bytes: int = Field(default=268_435_456, ge=1_024, le=1_000_000_000_000_000)
    """Most bytes that the bodies of all requests under way weigh together, until their answers have been taken; what
    would be more is answered 429, so that memory is bounded whatever callers send. A body weighs twice its bytes (three
    times with other characters than ASCII, five times with emoji and their like), 80 for each value and key in it, and
    512 for each document; one alone is always taken. An eighth is kept for requests that weigh less than a 128th."""

    max_documents: int = Field(default=10_000, ge=1, le=1_000_000)
    """Most documents in one request."""

    header_timeout_s: float = Field(default=10.0, gt=0, le=600)
    """Longest time in seconds that a client may take to send its request line and headers."""

    body_timeout_s: float = Field(default=30.0, gt=0, le=600)
    """Longest time in seconds that a client may take to send its body, and as long again to take its answer."""

    keep_alive_s: float = Field(default=75.0, gt=0, le=3_600)
    """Seconds after which an idle connection is closed."""

    max_connection_age_s: float = Field(default=300.0, gt=0, le=86_400)
    """Seconds after which a connection is told to close with its next answer, so that pooled clients find new
    pods; 10 while more than 0.3 s of work wait, so that a replica that an autoscaler adds gets its share."""

    max_connections: int = Field(default=4_096, ge=1, le=1_000_000)
    """Most open connections; further ones are answered 503 at once. Fewer where the process may not open as many files,
    which is logged at start: a share of those is kept for the management listener."""

    allowed_origins: Origins | None = None
    """Origins of web pages that may call the API from a browser, separated by commas, for example
    `https://search.example`; `*` for all; unset: none."""

    path_prefixes: Paths | None = "/openai"
    """What gateways leave in front of the API's paths, separated by commas, for example `/search/reranker`: below each,
    everything is served as at the top. The default is where KServe and KubeAI have it."""

    drain_delay_s: float = Field(default=5.0, ge=0, le=600)
    """Seconds between SIGTERM and closing the listeners, during which arriving requests are served with
    `Connection: close`."""


class DialectSettings(SettingsGroup):
    """Which client families are spoken to, and how strictly."""

    default_dialect: DialectOrFamily | None = None
    """Dialect of every request on this listener that names none by prefix or header, for clients that can send
    neither; unset: route and keys of the body decide."""

    ignore_truncate_false: bool = False
    """Whether `truncate: false` of TEI's dialect is ignored, for clients that always send it: too long texts are then
    cut instead of refused."""

    tei_validation_413: bool = False
    """Whether TEI's dialect says 413 of too many and of too long texts, as TEI did before 1.9, instead of 422."""

    strict_model_names: bool = False
    """Whether a request that names another model than the served one is refused with 404; else the name is echoed."""


class GuardSettings(SettingsGroup):
    """Who may rank and tokenise."""

    api_keys: SecretStr | None = None
    """Keys of callers, separated by commas, each of 8 printable characters or more; every request that ranks or
    tokenises must bring one. Unset, and no `keysFile`: everybody may call. Better by file or environment than on a
    command line, which every user of the machine can read."""

    keys_file: str | None = Field(default=None, min_length=1, max_length=4096)
    """File with further keys, one a line, such as a mounted Kubernetes Secret: `KEY`, or better `sha256:DIGEST`, which
    `name=search` and `scopes=rerank,metrics,admin` may follow; lines that start with `#` are comments. Read again
    within a second of a change; while it holds an error, the former keys count."""

    jwt_issuer: Claim | None = None
    """Issuer (`iss`) of the tokens that are taken instead of keys; unset: none are."""

    jwt_audience: Claim | None = None
    """Audience (`aud`) that a token must name, so that none opens that was made for another service."""

    jwks_url: KeySetAddress | None = None
    """Address of the issuer's keys (JWKS), for RS256 and ES256; fetched with the first token, every five minutes, and
    when a token names a key that is not among them. While it cannot be fetched, known keys count for a day."""

    jwks_file: str | None = Field(default=None, min_length=1, max_length=4096)
    """File with such keys; read again within a second of a change."""

    jwt_secret_file: str | None = Field(default=None, min_length=1, max_length=4096)
    """File with secrets for HS256, each of 32 bytes or more on a line of its own; read again within a second of a
    change."""

    jwt_skew_s: float = Field(default=30.0, ge=0, le=600)
    """Seconds by which the issuer's clock and this machine's may differ."""

    requests_per_minute: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """Most requests of one caller in any minute, the keys of one name taken together; without authentication, of one
    client's address. Beyond it, 429 with `Retry-After`. Unset: any number."""

    tokens_per_minute: int | None = Field(default=None, ge=1, le=1_000_000_000_000)
    """Most tokens, likewise. A request is charged with an estimate, and at its end with the tokens that it had."""

    max_caller_bodies_bytes: int | None = Field(default=None, ge=1_024, le=1_000_000_000_000_000)
    """Most bytes that the bodies of one caller's requests under way weigh together, as `maxBodiesBytes` counts them;
    one alone is always taken. Beyond it, 429 before anything is parsed. Unset: no limit besides that of all."""

    trusted_proxies: Networks | None = None
    """Networks of proxies whose word about a client's address is taken, separated by commas, for example
    `10.0.0.0/8, fd00::/8`; unset: the address at the other end of the connection counts."""

    forwarding_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    """Header in which those proxies name the client. One only: a proxy passes on the other as the client sent it."""

    caller_weights: Weights | None = None
    """What callers may use of the scorer beside one another, as `name=weight` separated by commas: one with 2 twice as
    much as those that are not named, which have 1. Among requests of the same priority, whoever was served least for
    its weight in the last ten seconds comes first."""

    redis_url: Redis | None = None
    """Redis in which replicas share what they count and remember, `redis://host:6379/0`, or `rediss://` for TLS; a
    user's name may stand before the host, a password may not. Unset: each process keeps its own. Requests go on
    without it while it is slow or away."""

    redis_password_file: str | None = Field(default=None, min_length=1, max_length=4096)
    """File with the password of Redis, such as a mounted Kubernetes Secret; read whenever a connection is made."""

    redis_timeout_ms: float = Field(default=8.0, gt=0, le=1_000)
    """Longest time in milliseconds that one operation on Redis may take, after which the request goes on without it."""

    ca_file: str | None = Field(default=None, min_length=1, max_length=4096)
    """File with the certificates (PEM) of the authorities by which Redis (`rediss://`) and the address of an issuer's
    keys (`https://`) are verified, such as a mounted Kubernetes Secret, and by no others; read again when it has
    changed. Unset: the authorities of the system."""

    internal_token_file: str | None = Field(default=None, min_length=1, max_length=4096)
    """File with one token by which servers of the same service ask each other, such as a mounted Kubernetes Secret. It
    is accepted beside the callers' keys, and changes nothing where everybody may call. Read once, at start."""


class GateSettings(SettingsGroup):
    """The relevance gate, which judges a model before it serves; off without a golden set."""

    golden_set: str | None = Field(default=None, max_length=65_536)
    """Golden set itself: judged queries as `bge-reranker evaluate` reads them, one JSON object a line."""

    golden_set_file: str | None = Field(default=None, min_length=1, max_length=4096)
    """File with the golden set, such as a mounted ConfigMap; read once, at start."""

    golden_set_sha256: Digest | None = None
    """SHA-256 that the golden set's bytes must have; with another a server refuses to start. Unset: any."""

    min_ndcg_at_10: float | None = Field(default=None, ge=0, le=1)
    """Least mean nDCG@10 on the golden set; unset: any."""

    max_ndcg_loss: float | None = Field(default=None, ge=0, le=1)
    """Most that nDCG@10 may lie below that of the version which serves, as a difference: 0.01 lets 0.80 become 0.79;
    unset: any. Not asked where no other version serves."""

    min_kendall_tau: float | None = Field(default=None, ge=-1, le=1)
    """Least agreement with the order of the version which serves: Kendall's tau-b of each query's candidates, its mean
    over queries; unset: any. Not asked where no other version serves."""

    cut_offs: CutOffs | None = None
    """Scores below which your search drops documents, as `name=score` or `name=score:drift`, separated by commas: the
    verdict has the score by which a new version keeps the same share of the golden set's candidates, and fails where
    that differs by more than `drift`."""

    peers: Hosts | None = None
    """Host names or addresses of other servers of the same service, separated by commas, such as a headless Service: at
    their ports, which are this server's own, one is looked for that has passed the same gate, or serves another
    version. Unset: none is asked."""

    timeout_s: float = Field(default=600.0, gt=0, le=86_400)
    """Longest time in seconds that the gate may take, peers' answers included; a server that needs longer ends."""


class ShadowSettings(SettingsGroup):
    """Another version that scores a sample of answered requests, for comparison; off without hosts."""

    hosts: Hosts | None = None
    """Host names or addresses of servers of the other version, separated by commas, at this server's own ports. While
    one of them is ready, a sample of the answered requests is sent to it, after their callers have been answered.
    Unset: none."""

    sample_ratio: float = Field(default=0.1, gt=0, le=1)
    """Part of the requests that is sampled."""

    max_waiting_bytes: int = Field(default=16_777_216, ge=1_024, le=1_000_000_000_000)
    """Most bytes of texts that wait in memory for the other version; further samples are dropped."""


class ScoresSettings(SettingsGroup):
    """Which scores are kept, so that the same pair is not computed twice."""

    score_cache_bytes: int = Field(default=0, ge=0, le=1_000_000_000_000)
    """Most bytes of scores that a process keeps, of those that were used last; a score takes 400. 0: none, unless
    `shareScores` is on."""

    share_scores: bool = False
    """Whether scores are kept in the Redis of `redisUrl` too, where replicas of the same version find them. Redis holds
    hashes and scores, never a text."""

    score_ttl_s: int = Field(default=86_400, ge=1, le=31_536_000)
    """Seconds after which a score in Redis is forgotten."""

    score_cache_scope: Literal["all", "caller"] = "all"
    """Who shares scores: `all` callers, or each `caller` has its own, so that nobody learns from the time of an answer
    what others have asked."""


class PicturesSettings(SettingsGroup):
    """Pictures in requests, which a dual encoder scores; a cross-encoder refuses them."""

    fetch_pictures: Literal["off", "public", "all"] = "off"
    """Whether pictures are fetched from the addresses that requests name: `off`; from `public` addresses of the
    internet on ports 80 and 443 alone; or from `all`, private ones of this network too, which lets every caller reach
    them."""

    max_picture_bytes: int = Field(default=8_388_608, ge=1_024, le=268_435_456)
    """Largest file of a picture in bytes."""

    max_picture_pixels: int = Field(default=25_000_000, ge=1_024, le=250_000_000)
    """Most pixels of a picture, as its file announces them; one takes four bytes while it is decoded."""

    picture_timeout_s: float = Field(default=5.0, gt=0, le=60)
    """Longest time in seconds that fetching one picture may take, redirects included."""


class PlanSettings(SettingsGroup):
    """The load that a replica is planned for: it then says how many such requests a second it can keep up with."""

    plan_p95_ms: float | None = Field(default=None, ge=1, le=3_600_000)
    """Objective in milliseconds for the 95th percentile of latency. Before it is ready, the server simulates its queue
    for some seconds; `/info` and the Reranker's status then say what rate keeps it. Empty: nothing is planned."""

    plan_documents: int = Field(default=100, ge=1, le=10_000)
    """Documents of a planned request."""

    plan_tokens: int = Field(default=200, ge=1, le=8_192)
    """Tokens of a planned pair: query, document and special tokens."""


class ObserveSettings(SettingsGroup):
    """Metrics, traces, logs, and the termination message of a process that fails."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity that is logged."""

    log_format: Literal["auto", "json", "console"] = "auto"
    """One JSON object a line, or lines for people; `auto` takes console on a terminal."""

    max_request_lines_per_s: int = Field(default=100, ge=1, le=1_000_000)
    """Most lines a second that the log has on requests, and as many again on those that the server failed (5xx). Beyond
    that lines are left out; the next one says how many, and `bge_reranker_log_lines_skipped_total` counts them."""

    otlp_endpoint: Receiver | None = None
    """Where traces are sent by OTLP, with its port, for example `http://collector.observability.svc:4317`; unset: no
    traces. `https` checks the receiver's certificate. Headers for it come from the standard variable
    `OTEL_EXPORTER_OTLP_HEADERS`. The extra `tracing` has to be installed, as it is in the images."""

    otlp_protocol: Literal["grpc", "http"] = "grpc"
    """How traces are sent: `grpc`, usually to port 4317, or `http`, usually to port 4318 with the path `/v1/traces`."""

    trace_sample_ratio: float = Field(default=1.0, ge=0, le=1)
    """Part of the requests that are traced where the caller has not decided; its own decision (`traceparent`) wins."""

    rerank_attributes: Literal["none", "openinference", "genai", "both"] = "openinference"
    """Further names under which the `rerank` span of a trace has its model and counts: those of OpenInference
    (`reranker.*`), those proposed for OpenTelemetry's GenAI conventions (`gen_ai.rerank.*`), or both. Never a text."""

    tei_metric_names: bool = False
    """Whether metrics also come under the names that text-embeddings-inference has (`te_*`), for dashboards made for
    it."""

    termination_log: str = Field(default="/dev/termination-log", min_length=1, max_length=4096)
    """File for the reason of a failure, as JSON of 4 kB at most; the default one is written only where it exists, as
    in a pod."""


class Settings(SettingsGroup):
    """All settings of one server."""

    model: ModelSettings = ModelSettings()
    text: TextSettings = TextSettings()
    engine: EngineSettings = EngineSettings()
    http: HttpSettings = HttpSettings()
    dialects: DialectSettings = DialectSettings()
    guard: GuardSettings = GuardSettings()
    gate: GateSettings = GateSettings()
    shadow: ShadowSettings = ShadowSettings()
    scores: ScoresSettings = ScoresSettings()
    pictures: PicturesSettings = PicturesSettings()
    plan: PlanSettings = PlanSettings()
    observe: ObserveSettings = ObserveSettings()

    @model_validator(mode="after")
    def _rules_between_fields(self) -> Self:
        """Refuse what breaks one of `setting_rules.RULES` or `setting_combinations.COMBINATIONS`."""
        values = {f"{group}.{to_camel(field)}": value for group, part in self for field, value in part}
        if problems := [*broken(values), *broken_combinations(values)]:
            raise ValueError(" ".join(f"{message} {remedy}" for message, remedy in problems))
        return self
