"""Promises between the operator, the chart, its rights and the image."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from structlog.testing import capture_logs

from bge_reranker.cli.model.fetch import fetch
from bge_reranker.cli.model.fetch_server import FetchReport, serve_report
from bge_reranker.configuration import settings_list
from bge_reranker.errors import RerankerError
from bge_reranker.errors.model import ModelError
from bge_reranker.store.progress import Meter
from bge_reranker.store.sources.registry import require_source
from generate.chart.settings_schema import OWNED
from reranker_operator import pod_info
from reranker_operator.adopt import MANAGED_BY, adopt
from reranker_operator.conditions import CONDITION_TYPES
from reranker_operator.crd import of_chart
from reranker_operator.errors import OperatorError
from reranker_operator.kinds import CHILD_KINDS, EVENT, LEASE, POD, REPLICA_SET, RERANKER
from reranker_operator.lease import CLUSTER_LEASE_NAME, LEASE_NAME
from reranker_operator.pod_info import LONGEST_ANSWER_BYTES, MANAGEMENT_PORT, facts_of
from reranker_operator.pods import FETCH_STEP, Download
from reranker_operator.reasons import DUTIES, FINAL_CODES, RETRIED_CODES, duty, is_for_a_pod_to_say
from reranker_operator.render import HelmRenderer
from reranker_operator.resource import Key, Reranker
from reranker_operator.rollout import Stage
from reranker_operator.settings import PREFIX, Settings
from reranker_operator.spec_keys import with_spec_keys
from reranker_operator.spec_limits import NOT_IN_THE_RESOURCE, AllowedNames, policy_rules
from tests.chart.rendering import CASES, CHART, CPU_DEMO, KUBE_VERSION, Rendered, helm, render
from tests.cluster.tools import HELM
from tests.live.server import live_server
from tests.reranker_operator.bodies import NAMESPACE

ROOT = Path(__file__).resolve().parents[2]
ALONE = {"scorer": {"enabled": False}, "operator": {"enabled": True}}
WRITES = {"create", "patch", "delete"}
READS = {"get", "list", "watch"}


def values_of(case: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CHART / "ci" / f"{case}-values.yaml").read_text())
    return found


def spec_of(case: str) -> dict[str, Any]:
    """The case as a Reranker's spec, as the API server keeps it."""
    return {"replicas": 1, **{key: value for key, value in values_of(case).items() if key not in NOT_IN_THE_RESOURCE}}


def reranker_of(case: str) -> Reranker:
    metadata = {"name": "demo", "namespace": NAMESPACE, "uid": "u", "generation": 1}
    return Reranker.from_body({"metadata": metadata, "spec": spec_of(case)})


def by_operator(case: str) -> list[dict[str, Any]]:
    helm("version")
    renderer = HelmRenderer(HELM.program(), CHART, f"v{KUBE_VERSION}", limit_s=60)
    demo = reranker_of(case)
    return adopt(asyncio.run(renderer.render(demo.key, demo.values())), demo)


@pytest.mark.parametrize("case", CASES)
def test_helm_and_the_operator_render_the_same_objects(case: str) -> None:
    ours = by_operator(case)
    for body in ours:
        body["metadata"].pop("ownerReferences", None)
        assert body["metadata"]["labels"].pop(MANAGED_BY) == "reranker-operator"
    spec = spec_of(case)
    theirs = render({**spec, "operator": {"enabled": False}}).objects
    for body in theirs:
        assert body["metadata"]["labels"].pop(MANAGED_BY) == "Helm"
    assert ours == theirs


TEXTS = (
    *("=", "<<", "~", "yes", "2001-01-01", "12:30:45", "0o17", "1_000", "1e3", ".nan", "*a", "a: b", "a #b", "- a"),
    *("\U0001f600", r"\ud83d\ude00", "\\", "\t a ", "a\nb\n", "\u2028", "{{ .Release.Name }}", "'", '"', "---"),
)
"""What a printer or a reader of YAML may take for something else."""


def test_a_text_gets_through_helm_as_it_is() -> None:
    helm("version")
    renderer = HelmRenderer(HELM.program(), CHART, f"v{KUBE_VERSION}", limit_s=60)
    annotations = {f"a{number}": text for number, text in enumerate(TEXTS)}
    variables = [{"name": name, "value": text} for name, text in annotations.items()]
    demo = {**reranker_of("cpu-demo").values(), "podAnnotations": annotations, "extraEnv": variables}
    objects = asyncio.run(renderer.render(Key(NAMESPACE, "demo"), demo))
    template = next(body for body in objects if body["kind"] == "Deployment")["spec"]["template"]
    assert annotations.items() <= template["metadata"]["annotations"].items()
    assert [each for each in template["spec"]["containers"][0]["env"] if each["name"] in annotations] == variables


@pytest.mark.parametrize("case", CASES)
def test_every_field_of_a_case_is_one_of_the_resource(case: str) -> None:
    definition = yaml.safe_load((CHART / "crds" / "rerankers.yaml").read_text())
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert lost(spec_of(case), spec, "spec") == []


@pytest.mark.parametrize("case", CASES)
def test_no_case_names_what_a_reranker_may_not(case: str) -> None:
    AllowedNames().check(spec_of(case))


def lost(value: Any, schema: dict[str, Any], path: str) -> list[str]:
    """Fields that the API server would drop."""
    if isinstance(value, list):
        return [found for each in value for found in lost(each, schema.get("items", {}), f"{path}[]")]
    if not isinstance(value, dict) or schema.get("x-kubernetes-preserve-unknown-fields"):
        return []
    if "additionalProperties" in schema:
        return []
    known = schema.get("properties", {})
    missing = [f"{path}.{name}" for name in value if name not in known]
    return missing + [
        found for name in value if name in known for found in lost(value[name], known[name], f"{path}.{name}")
    ]


def rules(*, cluster_wide: bool) -> dict[tuple[str, ...], set[str]]:
    """The operator's rights: group, resource and names, if it is limited to some, to verbs."""
    rendered = render({"scorer": {"enabled": False}, "operator": {"enabled": True, "clusterWide": cluster_wide}})
    role = rendered.one("ClusterRole" if cluster_wide else "Role", "-operator-search" if cluster_wide else "-operator")
    return {
        (group, resource, *rule.get("resourceNames", ())): set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


@pytest.mark.parametrize("cluster_wide", [False, True])
def test_rights_are_those_that_the_kinds_need_and_no_more(cluster_wide: bool) -> None:  # noqa: FBT001 - a parameter
    needed: dict[tuple[str, ...], set[str]] = {
        (kind.group, kind.plural): READS | WRITES - ({"delete"} if kind.holds_data else set()) for kind in CHILD_KINDS
    }
    needed |= {
        (RERANKER.group, RERANKER.plural): READS,
        (RERANKER.group, "rerankers/status"): {"patch"},
        (POD.group, POD.plural): {"list", "watch"},
        (REPLICA_SET.group, REPLICA_SET.plural): READS,
        (EVENT.group, EVENT.plural): {"create"},
        (LEASE.group, LEASE.plural, LEASE_NAME): {"list"} if cluster_wide else {"get", "update"},
    }
    if not cluster_wide:
        needed[LEASE.group, LEASE.plural] = {"create"}
    assert rules(cluster_wide=cluster_wide) == needed


def test_the_lease_of_a_cluster_wide_operator_is_the_one_in_default_that_it_may_change() -> None:
    rendered = render({"scorer": {"enabled": False}, "operator": {"enabled": True, "clusterWide": True}})
    role = rendered.one("Role")
    assert role["metadata"]["namespace"] == Settings().lease_namespace
    make, change = role["rules"]
    assert make["verbs"] == ["create"]
    assert (change["resourceNames"], change["verbs"]) == ([CLUSTER_LEASE_NAME], ["get", "update"])


def test_the_chart_renders_every_kind_in_the_list_and_none_beside_it() -> None:
    rendered = {(body["apiVersion"], body["kind"]) for case in CASES for body in by_operator(case)}
    fetching = {**spec_of("shared-cache-rwx"), "operator": {"enabled": False}, "fetch": {"source": "hf://org/next"}}
    rendered |= {(body["apiVersion"], body["kind"]) for body in render(fetching).objects}
    assert rendered == {(kind.api_version, kind.name) for kind in CHILD_KINDS}


def test_the_crd_is_the_one_of_the_values_schema() -> None:
    assert (CHART / "crds" / "rerankers.yaml").read_text() == of_chart(CHART)


def operator_deployment(**values: Any) -> dict[str, Any]:
    rendered: Rendered = render({**ALONE, **values})
    container: dict[str, Any] = rendered.one("Deployment")["spec"]["template"]["spec"]["containers"][0]
    return container


def test_the_environment_of_the_operator_is_known_to_its_settings() -> None:
    given = {each["name"]: each.get("value", "x") for each in operator_deployment()["env"]}
    settings = Settings.from_environment(given)
    assert settings.watch_namespace == "search"
    texts = " ".join(path.read_text() for path in (CHART / "templates" / "operator").iterdir())
    names = set(re.findall(rf"{PREFIX}([A-Z_]+)", texts))
    assert {name.lower() for name in names} <= set(Settings.model_fields)


def test_probes_ask_the_port_that_the_operator_listens_on() -> None:
    container = operator_deployment()
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"health": Settings().health_port}
    assert container["livenessProbe"]["httpGet"] == {"path": "/health/live", "port": "health"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/health/ready", "port": "health"}


def test_nothing_takes_the_operator_s_pod_for_a_scorer_s() -> None:
    labels = render({**ALONE}).one("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "bge-reranker-operator"


def test_the_image_s_helm_is_the_pinned_one() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert f"ARG HELM_VERSION={HELM.version}\n" in text
    assert str(Settings().helm) in text
    assert str(Settings().chart) in text


def test_the_crd_is_renewed_by_a_hook_only_where_that_is_asked_for() -> None:
    assert render(ALONE, tests=True).all("Job") == []
    asked = {**ALONE, "operator": {"enabled": True, "crdUpgrade": {"enabled": True}}}
    rendered = render(asked, tests=True)
    assert rendered.one("Job")["metadata"]["annotations"]["helm.sh/hook"] == "pre-upgrade"
    (rule,) = rendered.one("ClusterRole", "-crd-search")["rules"]
    assert rule["resourceNames"] == ["rerankers.bge-reranker.io"]
    assert rule["verbs"] == ["patch"]


def test_the_admission_policy_has_the_operator_s_rules_and_is_rendered_only_where_it_is_asked_for() -> None:
    assert render(ALONE).all("ValidatingAdmissionPolicy") == []
    allowed = {"secrets": ["hub.*", "b"], "claims": [], "configMaps": ["*"]}
    rendered = render(
        {**ALONE, "operator": {"enabled": True, "admissionPolicy": {"enabled": True}, "allowedNames": allowed}}
    )
    policy = rendered.one("ValidatingAdmissionPolicy")
    assert rendered.one("ValidatingAdmissionPolicyBinding")["spec"]["policyName"] == policy["metadata"]["name"]
    rules, spec = policy_rules(), policy["spec"]
    expressions = {
        "secrets": "hub[.][a-z0-9.-]*|b",
        "claims": "[.]",
        "configMaps": "[a-z0-9.-]*",
    }
    assert [each["expression"] for each in spec["variables"]] == [
        f"{each['names']}.filter(name, name != '' && !name.matches('^({expressions[each['key']]})$'))"
        for each in rules["names"]
    ]
    messages = [each.get("messageExpression", each.get("message")) for each in spec["validations"]]
    assert (
        "only name Secrets that match hub.* or b. Rename the Secret, or have operator.allowedNames.secrets"
        in messages[0]
    )
    assert (
        "'model.source is ' + variables.foreign1[0] + ', but a Reranker may name no PersistentVolumeClaims."
        in messages[1]
    )
    assert messages[len(rules["names"]) :] == [each["message"] for each in rules["rules"]]
    assert spec["matchConstraints"]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "search"}


def test_the_operator_is_told_what_the_policy_says() -> None:
    allowed = {"secrets": ["hub", "b-*"], "claims": [], "configMaps": ["*"]}
    environment = operator_deployment(operator={"enabled": True, "allowedNames": allowed})["env"]
    given = {each["name"]: each.get("value", "x") for each in environment}
    assert Settings.from_environment(given).allowed_names == AllowedNames(("hub", "b-*"), (), ("*",))
    by_default = {each["name"]: each.get("value", "x") for each in operator_deployment()["env"]}
    assert Settings.from_environment(by_default).allowed_names == AllowedNames()


def test_manifests_are_what_the_chart_renders() -> None:
    helm("version")
    from generate.manifests import MANIFESTS, manifests  # noqa: PLC0415 - needs helm, which may be missing

    wanted = manifests()
    assert {path: path.read_text() for path in wanted if path.exists()} == wanted, "run `make manifests`"
    by_hand = set((MANIFESTS / "single-machine").rglob("*.yaml"))
    assert set(MANIFESTS.rglob("*.yaml")) - by_hand == set(wanted)


def test_what_a_scorer_says_of_itself_is_what_the_operator_reads(tmp_path: Path) -> None:
    with live_server(tmp_path) as server:
        said = httpx.get(server.management_url + "/info")
    facts = facts_of(said.content)
    assert facts is not None
    assert {"name": facts.name, "source": facts.source, "digest": facts.digest}.items() <= said.json()["model"].items()
    assert (facts.device, facts.precision) == ("cpu", "float32")
    assert (facts.pairs_per_second, facts.tokens_per_second) == (10, 10 * facts.pair_tokens)
    assert len(said.content) < LONGEST_ANSWER_BYTES / 8
    helm("version")
    ports = {each["name"]: each["containerPort"] for each in render(CPU_DEMO).scorer["ports"]}
    assert ports["management"] == MANAGEMENT_PORT


def test_every_setting_of_the_service_is_called_by_its_key_of_the_spec() -> None:
    own = OWNED.keys()
    # The chart's alone: nothing of the spec changes them.
    fixed = {"model.revision", "model.claimsDir", "http.port", "http.managementPort", "observe.terminationLog"}
    fixed |= {"gate.peers", "shadow.hosts"}
    same = {"gate.goldenSet", "gate.minNdcgAt10", "gate.maxNdcgLoss", "gate.minKendallTau", "gate.cutOffs"}
    gate = {*same, "gate.configMap", "gate.configMap.sha256", "gate.timeoutSeconds", "secrets.internalToken"}
    for key in {setting.key for setting in settings_list()} - fixed:
        said = with_spec_keys(f"{key} is wrong.")
        assert said.removesuffix(" is wrong.") in (
            {
                *("model.source", "model.digest", "cache", "secrets.apiKeys"),
                *("secrets.jwtSecret", "secrets.jwks", "secrets.redis", "secrets.tls", "secrets.caBundle"),
                "rollout.shadow.sampleRatio",
                *gate,
            }
            if key in own
            else {f"config.{key}"}
        ), key


def subclasses(kind: type[Any]) -> Iterator[type]:
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


def test_every_reason_has_somebody_whose_turn_it_is_and_a_line_in_the_docs() -> None:
    page = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    table = " ".join(re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE))
    assert {f"`{reason}`" for reason in (*DUTIES, *RETRIED_CODES)} - set(re.findall(r"`\w+`", table)) == set()
    leaves = {each.__name__ for each in subclasses(OperatorError) if not each.__subclasses__()}
    assert {*leaves, *Stage} - DUTIES.keys() == set()
    failures = {failure.__name__: failure.is_worth_a_retry for failure in ModelError.__subclasses__()}
    # A start may also end for want of time, and for want of a golden set that can be read.
    failures |= {"DeadlineExceeded": True, "InvalidJudgements": False}
    assert {code: duty(code).is_retried for code in RETRIED_CODES | FINAL_CODES} == failures
    assert [each.__name__ for each in subclasses(RerankerError) if not is_for_a_pod_to_say(each.__name__)] == []


def test_every_condition_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    assert [each for each in CONDITION_TYPES if f"| `{each}` |" not in page] == []


def test_the_operator_reads_how_far_a_download_is_where_the_chart_has_it_told() -> None:
    (step,) = render(case="default").pod["initContainers"]
    assert step["name"] == FETCH_STEP
    words = fetch.make_context("fetch", step["args"][2:]).params
    assert words["metrics_port"] == MANAGEMENT_PORT

    async def asked(port: int) -> Download | None:
        async with pod_info.session() as http:
            return await pod_info.download(http, "127.0.0.1", port)

    meter = Meter()
    meter.begin("fetching", 4 * 10**9)
    meter.advance(2_205_123_456)
    with capture_logs() as lines:
        serve_report(FetchReport(require_source("hf://org/name", None), meter), 0)
    assert asyncio.run(asked(lines[0]["port"])) == Download(2_205_123_456, 4 * 10**9)
