"""What the pods are, one behaviour a test."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from tests.chart.rendering import CASES, CPU_DEMO, Values, render


def strategy(mode: str) -> dict[str, Any]:
    found: dict[str, Any] = render({**CPU_DEMO, "rollout": {"mode": mode}}).one("Deployment")["spec"]["strategy"]
    return found


def test_surge_adds_a_pod_before_one_goes() -> None:
    assert strategy("surge") == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def test_in_place_takes_a_pod_away_before_one_comes() -> None:
    assert strategy("inPlace") == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}


def test_recreate_has_no_field_of_a_rolling_update() -> None:
    assert strategy("recreate") == {"type": "Recreate"}


def test_replicas_are_the_autoscalers_while_there_is_one() -> None:
    assert render({"replicas": 3}).one("Deployment")["spec"]["replicas"] == 3
    rendered = render({"replicas": 3, "autoscaling": {"enabled": True}})
    assert "replicas" not in rendered.one("Deployment")["spec"]
    assert rendered.one("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] == "demo"


def test_no_replicas_are_a_count_like_any_other() -> None:
    assert render({"replicas": 0}).one("Deployment")["spec"]["replicas"] == 0


def test_any_mix_of_metrics_can_be_scaled_on() -> None:
    everything = render(case="everything").one("HorizontalPodAutoscaler")["spec"]["metrics"]
    assert [metric["type"] for metric in everything] == ["Pods", "Pods", "ContainerResource", "External"]
    cpu = {"enabled": True, "backlogSeconds": {"enabled": False}, "cpu": {"enabled": True}}
    only = render({**CPU_DEMO, "autoscaling": cpu}).one("HorizontalPodAutoscaler")["spec"]["metrics"]
    assert [metric["type"] for metric in only] == ["ContainerResource"]


def test_a_gpu_is_a_limit_beside_the_others_and_cpus_take_the_cpu_image() -> None:
    gpu = render().scorer
    assert gpu["resources"]["limits"] == {"memory": "8Gi", "nvidia.com/gpu": "1"}
    assert gpu["image"].endswith(":0.1.0")
    cpu = render({"gpu": {"count": 0}})
    assert cpu.scorer["resources"]["limits"] == {"memory": "8Gi"}
    assert cpu.scorer["image"].endswith(":0.1.0-cpu")
    assert "tolerations" not in cpu.pod


def test_a_claimed_device_takes_the_place_of_the_limit() -> None:
    claimed = render({"gpu": {"claimTemplate": "one-gpu"}})
    assert claimed.pod["resourceClaims"] == [{"name": "gpu", "resourceClaimTemplateName": "one-gpu"}]
    assert claimed.scorer["resources"]["claims"] == [{"name": "gpu"}]
    assert claimed.scorer["resources"]["limits"] == {"memory": "8Gi"}
    assert claimed.scorer["image"].endswith(":0.1.0")
    assert claimed.pod["tolerations"] == render().pod["tolerations"]
    assert "resourceClaims" not in render().pod


def test_a_digest_decides_over_the_tag() -> None:
    digest = f"sha256:{'0' * 64}"
    assert render({"image": {"digest": digest, "tag": "x"}}).scorer["image"] == f"localhost/bge-reranker@{digest}"


def test_the_download_alone_sees_keys_and_proxies() -> None:
    rendered = render(case="everything")
    fetch = next(each for each in rendered.pod["initContainers"] if each["name"] == "fetch-model")
    hidden = {variable["name"] for variable in fetch["env"]} - {each["name"] for each in rendered.scorer["env"]}
    assert {"HF_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY", "SSL_CERT_FILE"} <= hidden


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ["fetch-model"]),
        ({"model": {"source": "org/name"}}, ["fetch-model"]),
        ({"model": {"source": "demo"}}, []),
        ({"model": {"source": "pvc://claim/path"}}, []),
        ({"model": {"source": "file:///model"}}, []),
        ({"model": {"source": "/model"}}, []),
        ({"cache": {"type": "image", "image": "models:1"}}, []),
    ],
)
def test_only_what_is_elsewhere_is_fetched(values: Values, expected: list[str]) -> None:
    assert [container["name"] for container in render(values).pod.get("initContainers", [])] == expected


@pytest.mark.parametrize(
    ("cache", "kind"),
    [
        ({"type": "ephemeral"}, "ephemeral"),
        ({"type": "emptyDir"}, "emptyDir"),
        ({"type": "pvc"}, "persistentVolumeClaim"),
        ({"type": "existing", "existingClaim": "mine"}, "persistentVolumeClaim"),
        ({"type": "image", "image": "models:1"}, "image"),
    ],
)
def test_each_type_of_cache_is_mounted_where_the_service_looks(cache: Values, kind: str) -> None:
    rendered = render({"cache": cache})
    volume = next(each for each in rendered.pod["volumes"] if each["name"] == "cache")
    assert set(volume) == {"name", kind}
    mounts = {mount["name"]: mount["mountPath"] for mount in rendered.scorer["volumeMounts"]}
    assert rendered.settings["model"]["cacheDir"] == mounts["cache"]


def test_another_class_or_mode_is_another_claim_and_the_pod_uses_it() -> None:
    def claim(**cache: str) -> str:
        values: Values = {"cache": {"type": "pvc", **cache}, "rollout": {"mode": "inPlace"}}
        rendered = render(values)
        name: str = rendered.one("PersistentVolumeClaim")["metadata"]["name"]
        volume = next(each for each in rendered.pod["volumes"] if each["name"] == "cache")
        assert volume["persistentVolumeClaim"]["claimName"] == name
        return name

    assert len({claim(), claim(storageClass="fast"), claim(accessMode="ReadWriteOnce")}) == 3
    assert claim(size="1Gi") == claim(size="2Gi")


def test_only_a_retained_claim_outlives_the_release() -> None:
    policy = "helm.sh/resource-policy"
    kept = render({"cache": {"type": "pvc", "retain": True}}).one("PersistentVolumeClaim")["metadata"]
    assert kept["annotations"] == {policy: "keep"}
    assert "annotations" not in render({"cache": {"type": "pvc"}}).one("PersistentVolumeClaim")["metadata"]


def test_a_claim_of_the_source_is_mounted_read_only_where_the_service_looks() -> None:
    rendered = render({"model": {"source": "pvc://models/large/v1"}})
    mount = next(each for each in rendered.scorer["volumeMounts"] if each["name"] == "model")
    assert mount == {"name": "model", "mountPath": "/mnt/claims/models", "readOnly": True}


@pytest.mark.parametrize("case", CASES)
def test_every_container_of_ours_passes_the_restricted_level(case: str) -> None:
    rendered = render(case=case, tests=True)
    deployed = [found["spec"]["template"]["spec"] for found in rendered.all("Deployment")]
    for pod in [*deployed, *(found["spec"] for found in rendered.all("Pod"))]:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        ours = [*pod["containers"], *pod.get("initContainers", [])]
        for container in (each for each in ours if each["name"] in {"scorer", "fetch-model", "ask", "doctor"}):
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_grace_period_follows_the_settings() -> None:
    def grace(**config: Any) -> int:
        seconds: int = render({**CPU_DEMO, "config": config}).pod["terminationGracePeriodSeconds"]
        return seconds

    assert grace(http={"drainDelayS": 10}, engine={"deadlineS": 30}) == 45
    assert grace(engine={"deadlineS": 0.5}) == 11


def test_a_spread_without_a_selector_gets_the_releases() -> None:
    own = {"matchLabels": {"app": "x"}}
    constraint = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    other = {**constraint, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": own}
    rendered = render({"topologySpreadConstraints": [constraint, other]})
    first, second = rendered.pod["topologySpreadConstraints"]
    assert first["labelSelector"] == {"matchLabels": rendered.one("Deployment")["spec"]["selector"]["matchLabels"]}
    assert second["labelSelector"] == own


def test_nothing_gets_out_of_an_air_gapped_release_but_names() -> None:
    rendered = render(case="air-gapped")
    names, *others = rendered.one("NetworkPolicy")["spec"]["egress"]
    assert names == {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
    # Pods of the release ask each other what they serve.
    own = {"podSelector": rendered.one("NetworkPolicy")["spec"]["podSelector"]}
    assert [rule["to"] for rule in others] == [[own]]
    assert "initContainers" not in rendered.pod


def test_an_image_of_a_registry_is_fetched_with_the_secrets_that_open_registries() -> None:
    source = {"model": {"source": "oci://registry.example:5000/models/reranker:v1"}}
    secrets = {"secrets": {"registry": {"name": "models", "key": "config.json"}}}
    rendered = render({**source, **secrets, "image": {"pullSecrets": ["images", "models"]}})
    (fetcher,) = rendered.pod["initContainers"]
    (files,) = (each["value"] for each in fetcher["env"] if each["name"] == "REGISTRY_AUTH_FILE")
    (volume,) = (each for each in rendered.pod["volumes"] if each["name"] == "registries")
    (mount,) = (each for each in fetcher["volumeMounts"] if each["name"] == "registries")
    sources = [each["secret"] for each in volume["projected"]["sources"]]
    assert [(each["name"], each["items"][0]["key"], each["optional"]) for each in sources] == [
        ("models", "config.json", False),
        ("images", ".dockerconfigjson", True),
    ]
    assert files.split(":") == [f"{mount['mountPath']}/{each['items'][0]['path']}" for each in sources]
    # What serves gets no password.
    assert "registries" not in {each["name"] for each in rendered.scorer["volumeMounts"]}
    assert "registries" not in {each["name"] for each in render({"image": {"pullSecrets": ["a"]}}).pod["volumes"]}


def test_one_image_is_a_source_and_a_volume() -> None:
    mounted = render(case="image-volume")
    (volume,) = (each for each in mounted.pod["volumes"] if each["name"] == "cache")
    assert "initContainers" not in mounted.pod
    fetched = render(case="air-gapped-registry")
    assert fetched.settings["model"]["source"] == f"oci://{volume['image']['reference']}"


TOKENS: Values = {"jwtIssuer": "https://login.example", "jwtAudience": "search"}
"""Without which no keys of tokens are taken."""

REDIS_BY_TLS = {"redisUrl": "rediss://redis.cache/0"}
ISSUER = {**TOKENS, "jwksUrl": "https://login.example/keys"}


@pytest.mark.parametrize("guard", [REDIS_BY_TLS, ISSUER])
def test_authorities_verify_what_the_guard_asks_in_the_scorer_and_in_the_doctor(guard: Values) -> None:
    bundle = {"secrets": {"caBundle": {"name": "authorities", "key": "company.crt"}}, "config": {"guard": guard}}
    # The embedded model is fetched from nowhere, the other one by the doctor too.
    for model in (CPU_DEMO, {"model": {"source": "org/name"}, "cache": {"type": "emptyDir"}}):
        rendered = render({**model, **bundle}, tests=True)
        folder, _, file = rendered.settings["guard"]["caFile"].rpartition("/")
        for pod in (rendered.pod, rendered.one("Pod", "-doctor")["spec"]):
            (mount,) = (each for each in pod["containers"][0]["volumeMounts"] if each["mountPath"] == folder)
            (volume,) = (each for each in pod["volumes"] if each["name"] == mount["name"])
            items = [{"key": "company.crt", "path": file}]
            assert volume["secret"] == {"secretName": "authorities", "items": items}


@pytest.mark.parametrize("guard", [{}, {"redisUrl": "redis://redis.cache/0"}])
def test_the_scorer_has_no_authorities_where_it_asks_nobody_by_tls(guard: Values) -> None:
    rendered = render({**CPU_DEMO, "secrets": {"caBundle": {"name": "authorities"}}, "config": {"guard": guard}})
    assert "caFile" not in rendered.settings.get("guard", {})
    assert "authorities" not in {mount["name"] for mount in rendered.scorer["volumeMounts"]}


@pytest.mark.parametrize(
    ("guard", "ports"),
    [
        ({}, []),
        ({"redisUrl": "redis://redis.cache/0"}, [6379]),
        ({"redisUrl": "rediss://user@[fd00::1]:6390/0"}, [6390]),
        ({**TOKENS, "jwksUrl": "https://login.example/keys:1"}, [443]),
        ({**TOKENS, "redisUrl": "redis://r:6380", "jwksUrl": "https://login.example:8443/keys"}, [6380, 8443]),
        ({**TOKENS, "redisUrl": "redis://r:06380?db=1", "jwksUrl": "https://login.example:8443?v=1:2"}, [6380, 8443]),
    ],
)
def test_what_the_guard_asks_may_be_reached_and_nothing_else(guard: Values, ports: list[int]) -> None:
    policy = {"enabled": True, "egressCidrs": []}
    egress = render({**CPU_DEMO, "networkPolicy": policy, "config": {"guard": guard}}).one("NetworkPolicy")["spec"][
        "egress"
    ]
    # Names come first, and the release's own pods.
    assert [each["port"] for rule in egress[2:] for each in rule["ports"]] == ports


def test_secrets_of_the_guard_are_mounted_where_the_settings_look() -> None:
    names = ("apiKeys", "jwtSecret", "jwks", "redis", "tls")
    secrets = {name: {"name": f"the-{name.lower()}"} for name in names}
    rendered = render({**CPU_DEMO, "secrets": secrets, "config": {"guard": TOKENS}})
    settings = rendered.settings
    files = [path for name, path in settings["guard"].items() if name.endswith("File")]
    files += [settings["http"]["tlsCertFile"], settings["http"]["tlsKeyFile"]]
    mounts = {mount["mountPath"]: mount["name"] for mount in rendered.scorer["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in rendered.pod["volumes"]}
    found = {volumes[mounts[file.rpartition("/")[0]]]["secret"]["secretName"] for file in files}
    assert found == {f"the-{name.lower()}" for name in names}
    # A sub-path would never see a change.
    assert not any("subPath" in mount for mount in rendered.scorer["volumeMounts"])
    for file in files:
        secret = volumes[mounts[file.rpartition("/")[0]]]["secret"]
        assert "items" not in secret or [item["path"] for item in secret["items"]] == [file.rpartition("/")[2]]


def test_search_and_monitoring_come_in_by_their_own_ports() -> None:
    http, management = render(case="air-gapped").one("NetworkPolicy")["spec"]["ingress"]
    assert http["ports"] == [{"port": "http"}]
    assert http["from"][0]["namespaceSelector"]["matchExpressions"][0]["values"] == ["search"]
    assert management["ports"] == [{"port": "management"}]
    assert management["from"][0]["namespaceSelector"]["matchExpressions"][0]["values"] == ["monitoring"]


def test_the_operator_comes_in_by_the_management_port_wherever_it_runs() -> None:
    policy = {"networkPolicy": {"enabled": True, "searchNamespaces": ["search"]}}
    http, management = render({**CPU_DEMO, **policy}).one("NetworkPolicy")["spec"]["ingress"]
    labels = render({"scorer": {"enabled": False}, "operator": {"enabled": True}}).one("Deployment")["spec"]["template"]
    peers = [each for each in management["from"] if each.get("namespaceSelector") == {}]
    assert len(peers) == 1
    wanted = peers[0]["podSelector"]["matchLabels"]
    assert wanted.items() <= labels["metadata"]["labels"].items()
    assert [each for each in http["from"] if each.get("podSelector", {}).get("matchLabels") == wanted] == []


@pytest.mark.parametrize(
    ("host", "peer"),
    [
        (
            "otel-collector.observability.svc.cluster.local",
            [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}}],
        ),
        ("collector", [{"podSelector": {}}]),
        ("traces.example", None),
        ("10.0.0.1", None),
        ("[fd00::1]", None),
    ],
)
def test_traces_leave_for_their_receiver_and_only_when_there_is_one(host: str, peer: list[Any] | None) -> None:
    policy = {"networkPolicy": {"enabled": True, "egressCidrs": []}}
    untraced = render({**CPU_DEMO, **policy}).one("NetworkPolicy")["spec"]["egress"]
    traced = {"config": {"observe": {"otlpEndpoint": f"http://{host}:4317"}}}
    *others, receiver = render({**CPU_DEMO, **policy, **traced}).one("NetworkPolicy")["spec"]["egress"]
    assert others == untraced
    assert receiver == {"ports": [{"port": 4317}]} | ({} if peer is None else {"to": peer})


@pytest.mark.parametrize(("fetched", "ports"), [("public", [80, 443]), ("Public", [80, 443]), ("all", None)])
def test_pictures_may_be_fetched_where_the_setting_says_so_and_nowhere_else(
    fetched: str, ports: list[int] | None
) -> None:
    policy = {"networkPolicy": {"enabled": True, "egressCidrs": []}}
    without = render({**CPU_DEMO, **policy}).one("NetworkPolicy")["spec"]["egress"]
    fetching = {"config": {"pictures": {"fetchPictures": fetched}}}
    *others, opened = render({**CPU_DEMO, **policy, **fetching}).one("NetworkPolicy")["spec"]["egress"]
    assert others == without
    assert [port["port"] for port in opened.get("ports", [])] == (ports or [])
    assert ("to" in opened) == (ports is not None)
    if ports is not None:
        blocks = [ip_network(peer["ipBlock"]["cidr"]) for peer in opened["to"]]
        private = [ip_network(cidr) for peer in opened["to"] for cidr in peer["ipBlock"].get("except", [])]
        assert any(ip_address("93.184.216.34") in block for block in blocks)
        for address in ("10.1.2.3", "192.168.7.7", "172.20.0.1", "169.254.169.254", "100.64.0.1", "fd00::1", "fe80::1"):
            judged = ip_address(address)
            assert any(judged in range_ for range_ in private) or not any(judged in block for block in blocks)


def test_the_embedded_dual_encoder_needs_no_download() -> None:
    pod = render({**CPU_DEMO, "model": {"source": "demo-clip"}}).one("Deployment")["spec"]["template"]["spec"]
    assert not pod.get("initContainers")


def test_prometheus_scrapes_a_port_that_the_service_it_selects_has() -> None:
    rendered = render(case="autoscaling-gpu-metrics")
    monitor = rendered.one("ServiceMonitor")["spec"]
    wanted = monitor["selector"]["matchLabels"].items()
    selected = [found for found in rendered.all("Service") if wanted <= found["metadata"]["labels"].items()]
    assert len(selected) == 1
    assert monitor["endpoints"][0]["port"] in {port["name"] for port in selected[0]["spec"]["ports"]}


def test_routes_lead_to_the_service_and_port_that_there_are() -> None:
    rendered = render(case="everything")
    service = next(each for each in rendered.all("Service") if not each["metadata"]["name"].endswith("-headless"))
    backend = rendered.one("Ingress")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": service["metadata"]["name"], "port": {"name": service["spec"]["ports"][0]["name"]}}
    route = rendered.one("HTTPRoute")["spec"]["rules"][0]["backendRefs"][0]
    assert route == {"name": service["metadata"]["name"], "port": service["spec"]["ports"][0]["port"]}


def test_an_extra_object_may_be_a_template() -> None:
    assert render(case="everything").one("ConfigMap", "-note")["metadata"]["name"] == "search-reranker-note"


def test_the_doctor_of_helm_test_has_the_password_of_the_redis_that_it_asks() -> None:
    rendered = render({**CPU_DEMO, "secrets": {"redis": {"name": "the-redis", "key": "k"}}}, tests=True)
    pod = rendered.one("Pod", "-doctor")["spec"]
    (mount,) = (each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "redis")
    (volume,) = (each for each in pod["volumes"] if each["name"] == "redis")
    (item,) = volume["secret"]["items"]
    assert rendered.settings["guard"]["redisPasswordFile"] == f"{mount['mountPath']}/{item['path']}"
    assert (volume["secret"]["secretName"], item["key"]) == ("the-redis", "k")


def test_the_doctor_of_helm_test_asks_a_source_that_new_pods_need_with_what_opens_it() -> None:
    def doctor(case: str) -> tuple[dict[str, Any], set[str]]:
        (pod,) = (
            found["spec"]
            for found in render(case=case, tests=True).all("Pod")
            if found["metadata"]["name"][-6:] == "doctor"
        )
        return pod["containers"][0], {each["name"] for each in pod["volumes"]}

    asks, volumes = doctor("air-gapped-registry")
    assert "--check=source" in asks["args"]
    assert {mount["name"] for mount in asks["volumeMounts"]} == volumes == {"temporary", "authorities", "registries"}
    for case in ("air-gapped", "image-volume", "shared-cache-rwx", "cpu-demo"):
        container, volumes = doctor(case)
        assert "--check=source" not in container["args"]
        assert volumes == {"temporary"}
        assert len(container["env"]) == 1


def test_nulls_take_defaults_away() -> None:
    context = render({"podSecurityContext": {"fsGroup": None}}).pod["securityContext"]
    assert "fsGroup" not in context


def test_the_pod_of_helm_test_states_what_a_quota_may_ask_for() -> None:
    tester, _ = (found["spec"]["containers"][0]["resources"] for found in render(CPU_DEMO, tests=True).all("Pod"))
    assert set(tester["limits"]) == set(tester["requests"]) == {"cpu", "memory"}
