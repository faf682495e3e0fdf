"""Bad values: the key, the bound and the remedy, before anything reaches the cluster."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.rendering import CPU_DEMO, Values, refusal, render

KEDA: Values = {"enabled": True, "serverAddress": "http://prometheus:9090"}
EXTERNAL: Values = {
    "type": "External",
    "external": {"metric": {"name": "queries"}, "target": {"type": "AverageValue", "averageValue": "20"}},
}
RWO: Values = {"cache": {"type": "pvc", "accessMode": "ReadWriteOnce"}}

UNKNOWN = [
    ({"replica": 2}, "additional properties 'replica' not allowed"),
    ({"image": {"name": "x"}}, "at '/image': additional properties 'name' not allowed"),
    ({"probes": {"liveness": {"path": "/"}}}, "at '/probes/liveness': additional properties 'path' not allowed"),
    ({"config": {"engine": {"batch": 1}}}, "at '/config/engine': additional properties 'batch' not allowed"),
    ({"config": {"http": {"port": 80}}}, "at '/config/http': additional properties 'port' not allowed"),
    ({"resources": {"request": {}}}, "at '/resources': additional properties 'request' not allowed"),
    ({"resources": {"claims": [{"name": "gpu"}]}}, "at '/resources': additional properties 'claims' not allowed"),
    ({"extraEnv": [{"name": "A", "val": "x"}]}, "at '/extraEnv/0': additional properties 'val' not allowed"),
]

WRONG = [
    ({"replicas": "two"}, "at '/replicas': got string, want integer"),
    ({"replicas": -1}, "at '/replicas': minimum: got -1, want 0"),
    ({"rollout": {"mode": "blue"}}, "at '/rollout/mode': value must be one of 'surge', 'inPlace', 'recreate'"),
    ({"gpu": {"count": 2}}, "at '/gpu/count': maximum: got 2, want 1"),
    ({"image": {"digest": "abc"}}, "at '/image/digest': 'abc' does not match pattern"),
    ({"model": {"digest": "abc"}}, 'model.digest is "abc"; it must be a SHA-256 of 64 hexadecimal digits'),
    ({"config": {"engine": {"deadlineS": 0}}}, "config.engine.deadlineS is 0; it must be a number above 0 and at most"),
    ({"extraEnv": [{"name": "A", "value": 1}]}, "at '/extraEnv/0/value': got number, want string"),
    ({"extraEnv": [{"value": "x"}]}, "at '/extraEnv/0': missing property 'name'"),
    ({"extraContainers": [{"name": "c"}]}, "at '/extraContainers/0': missing property 'image'"),
    ({"service": {"port": 70000}}, "at '/service/port': maximum: got 70,000, want 65,535"),
    # From 1e21 on Go prints an integer as a float, which the service does not take for one.
    ({"config": {"engine": {"maxQueueTokens": 10**22}}}, "config.engine.maxQueueTokens is 1e+22; it must be a"),
    ({"config": {"http": {"maxBodiesBytes": 10**22}}}, "config.http.maxBodiesBytes is 1e+22; it must be a"),
    ({"extraVolumeMounts": [{"name": "x", "mountPath": 7}]}, "at '/extraVolumeMounts/0/mountPath': got number, want"),
    ({"extraVolumeMounts": [{"name": "x", "mountPath": "/"}]}, "at '/extraVolumeMounts/0/mountPath': '/' does not"),
    ({"extraVolumeMounts": [{"name": "x", "mountPath": "/a:b"}]}, "at '/extraVolumeMounts/0/mountPath': '/a:b'"),
    ({"extraVolumes": [{"name": 7}]}, "at '/extraVolumes/0/name': got number, want string"),
    ({"extraVolumes": [{"name": "My_Disk"}]}, "at '/extraVolumes/0/name': 'My_Disk' does not match pattern"),
    ({"extraContainers": [{"name": "c", "image": "i", "ports": "80"}]}, "at '/extraContainers/0/ports': got string"),
    ({"extraContainers": [{"name": "c", "image": "i", "ports": [80]}]}, "at '/extraContainers/0/ports/0': got number"),
    ({"topologySpreadConstraints": [{"maxSkew": 1}]}, "missing properties 'topologyKey', 'whenUnsatisfiable'"),
    ({"httpRoute": {"parentRefs": [{}]}}, "at '/httpRoute/parentRefs/0': missing property 'name'"),
    ({"httpRoute": {"hostnames": ["a.example"] * 17}}, "at '/httpRoute/hostnames': maxItems: got 17, want 16"),
    ({"serviceMonitor": {"interval": "0s"}}, "at '/serviceMonitor/interval': '0s' does not match pattern"),
]

IMPOSSIBLE: list[tuple[Values, list[str]]] = [
    (
        {"autoscaling": {"enabled": True, "minReplicas": 5, "maxReplicas": 2}},
        ["autoscaling.minReplicas is 5, autoscaling.maxReplicas is 2", "Raise maxReplicas or lower minReplicas."],
    ),
    (
        {"autoscaling": {"enabled": True, "backlogSeconds": {"enabled": False}}},
        ["there is no metric to scale on", "Enable autoscaling.backlogSeconds"],
    ),
    (
        {"autoscaling": {"enabled": True, "cpu": {"enabled": True}}, "resources": {"requests": {"cpu": None}}},
        ["resources.requests.cpu is missing", "Set the request"],
    ),
    (
        {"autoscaling": {"enabled": True, "gpu": {"enabled": True}}, "gpu": {"count": 0}},
        ["autoscaling.gpu.enabled is true and gpu.count is 0", "set gpu.count to 1"],
    ),
    (
        {"autoscaling": {"enabled": True, "minReplicas": 0}},
        ["autoscaling.metrics has none of type Object or External", "or set minReplicas to 1."],
    ),
    (
        {"autoscaling": {"enabled": True, "keda": {"interceptor": {"enabled": True}}}},
        ["autoscaling.keda.enabled is false", "or leave the interceptor out."],
    ),
    (
        {"autoscaling": {"enabled": True, "keda": {"enabled": True}}},
        ["autoscaling.keda.serverAddress is empty", "Give its address, such as http://"],
    ),
    (
        {"autoscaling": {"enabled": True, "minReplicas": 0, "keda": KEDA}},
        ["autoscaling.keda.outsideQuery is empty", "nothing would bring a pod back", "or set minReplicas to 1."],
    ),
    (
        {"autoscaling": {"enabled": True, "keda": {**KEDA, "outsideQuery": "sum(rate(bge_reranker_pairs_total[1m]))"}}},
        ["asks for bge_reranker_pairs_total, a series of the pods themselves", "Ask for one of an ingress controller"],
    ),
    (
        {"autoscaling": {"enabled": True, "keda": {**KEDA, "outsideQuery": 'sum(container_cpu_usage{pod=~"r-.*"})'}}},
        ["asks for container_cpu_usage, a series of the pods themselves"],
    ),
    (
        {"autoscaling": {"enabled": True, "keda": {**KEDA, "outsideQuery": 'sum({__name__=~"bge_.*"})'}}},
        ["asks for __name__, a series of the pods themselves"],
    ),
    (
        {"autoscaling": {"enabled": True, "keda": {**KEDA, "interceptor": {"enabled": True}}}},
        ["autoscaling.keda.interceptor.hosts is empty", "List at least one host name."],
    ),
    (
        {"autoscaling": {"enabled": True, "maxReplicas": 3, "keda": {**KEDA, "fallback": {"replicas": 4}}}},
        ["fallback.replicas is 4 and autoscaling.maxReplicas is 3", "Lower fallback.replicas or raise maxReplicas."],
    ),
    (
        {"autoscaling": {"enabled": True, "metrics": [EXTERNAL], "keda": KEDA}},
        ["autoscaling.metrics is for a HorizontalPodAutoscaler", "Leave one of them out."],
    ),
    (
        {"autoscaling": {"enabled": True, "backlogSeconds": {"enabled": False}, "keda": KEDA}},
        ["autoscaling.keda.enabled is true and there is nothing to scale on", "Enable autoscaling.backlogSeconds"],
    ),
    (
        {**RWO, "replicas": 2, "rollout": {"mode": "inPlace"}},
        ["cache.accessMode is ReadWriteOnce and replicas is 2", "Set cache.accessMode to ReadWriteMany"],
    ),
    (
        {**RWO, "autoscaling": {"enabled": True}, "rollout": {"mode": "inPlace"}},
        ["cache.accessMode is ReadWriteOnce and autoscaling.maxReplicas is 4", "autoscaling.maxReplicas to 1"],
    ),
    (RWO, ["rollout.mode is surge", "Set rollout.mode to inPlace or recreate"]),
    (
        {"cache": {"type": "existing", "accessMode": "ReadWriteOncePod", "existingClaim": "c"}, "replicas": 2},
        ["cache.accessMode is ReadWriteOncePod and replicas is 2"],
    ),
    ({"cache": {"type": "existing"}}, ["cache.existingClaim is empty", "Name the PersistentVolumeClaim"]),
    ({"cache": {"existingClaim": "c"}}, ["cache.type is ephemeral, which does not use it"]),
    ({"cache": {"type": "image"}}, ["cache.image is empty", "Give the reference"]),
    (
        {"cache": {"type": "image", "image": "https://r.example/models"}},
        ['cache.image is "https://r.example/models"; it must be the reference of an image', "Correct it."],
    ),
    ({"cache": {"image": "models:1"}}, ["cache.image is models:1", "Set cache.type to image"]),
    ({"cache": {"retain": True}}, ["cache.retain is true", "Set cache.type to pvc"]),
    ({"cache": {"size": "10 GB"}}, ['cache.size is "10 GB"', "a number and a unit without a space"]),
    ({"resources": {"limits": {"memory": "lots"}}}, ['resources.limits.memory is "lots"', "must be a quantity"]),
    ({"resources": {"requests": {"cpu": True}}}, ['resources.requests.cpu is "true"', "must be a quantity"]),
    (
        {"resources": {"requests": {"memory": "9G"}}},
        ["resources.requests.memory is 9G and resources.limits.memory is 8Gi", "Raise the limit or lower the request."],
    ),
    (
        {"resources": {"limits": {"cpu": "1500m"}}},
        ["resources.requests.cpu is 2 and resources.limits.cpu is 1500m", "must not be above its limit"],
    ),
    ({"cache": {"size": "0Gi"}}, ['cache.size is "0Gi"', "Give it a number above 0."]),
    ({"sharedMemorySize": "1 Gi"}, ['sharedMemorySize is "1 Gi"', "must be a quantity"]),
    ({"autoscaling": {"gpu": {"target": "80%"}}}, ['autoscaling.gpu.target is "80%"', "must be a quantity"]),
    ({"podDisruptionBudget": {"maxUnavailable": "some"}}, ['maxUnavailable is "some"', "a percentage"]),
    ({"podDisruptionBudget": {"maxUnavailable": "99999999999"}}, ['maxUnavailable is "99999999999"']),
    ({"podDisruptionBudget": {"maxUnavailable": "08"}}, ['maxUnavailable is "08"']),
    ({"podDisruptionBudget": {"maxUnavailable": "101%"}}, ['maxUnavailable is "101%"', "at most 100%"]),
    ({"commonLabels": {"app.kubernetes.io/name": "x"}}, ["commonLabels has app.kubernetes.io/name", "Choose another"]),
    ({"podLabels": {"app.kubernetes.io/component": "x"}}, ["podLabels has app.kubernetes.io/component"]),
    ({"serviceMonitor": {"labels": {"app.kubernetes.io/instance": "x"}}}, ["serviceMonitor.labels has app.kubernetes"]),
    (
        {"podAnnotations": {"kubectl.kubernetes.io/default-container": "sidecar"}},
        ["podAnnotations has kubectl.kubernetes.io/default-container, which the chart sets itself. Remove it."],
    ),
    (
        {"image": {"registry": "https://r.example"}},
        ['make "https://r.example/bge-reranker:', "a host without https://"],
    ),
    ({"image": {"registry": "r.example/"}}, ['make "r.example//bge-reranker:', "with single slashes"]),
    ({"image": {"repository": "Upper"}}, ["a path in lower case", "Correct the part that is wrong."]),
    ({"image": {"tag": "a:b"}}, ['make "localhost/bge-reranker:a:b"']),
    (
        {"model": {"source": "ftp://host/model"}},
        ['model.source is "ftp://host/model"', "it must be demo, demo-clip, hf://org/name"],
    ),
    ({"model": {"source": "hf://"}}, ['model.source is "hf://"', "Correct it."]),
    (
        {"model": {"source": "hf://a/b@one", "revision": "two"}},
        ["model.source names revision one and model.revision is two", "Leave one of them out."],
    ),
    (
        {"networkPolicy": {"enabled": True, "egressPorts": []}},
        ["networkPolicy.egressPorts is empty", "would open every port", "List ports, such as 443"],
    ),
    (
        {"podAnnotations": {"a": "b\x7f"}, "extraEnv": [{"name": "A", "value": "\x80"}]},
        ["podAnnotations has a control character", "extraEnv has a control character, such as U+007F, in a text."],
    ),
    ({"fullnameOverride": "n" * 53}, ["(53 characters)", "at most 52 characters", "Shorten or correct it"]),
    ({"fullnameOverride": "Capital"}, ['fullnameOverride is "Capital"', "lower-case letters"]),
    ({"service": {"name": "1st"}}, ['service.name is "1st"', "beginning with a letter", "Shorten or correct it"]),
    ({"service": {"name": "demo-headless"}}, ["is the name of the headless Service", "Choose another"]),
    (
        {"podLabels": {"bge-reranker.io/fullname": "x"}},
        ["podLabels has bge-reranker.io/fullname, which the chart sets itself", "Choose another label"],
    ),
    (
        {"extraEnv": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
        ["extraEnv: A would be there twice", "Name each variable once"],
    ),
    (
        {"extraEnv": [{"name": "HTTPS_PROXY", "value": "x"}], "proxy": {"https": "y"}},
        ["extraEnv: HTTPS_PROXY would be there twice"],
    ),
    (
        {"extraEnv": [{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
        ["extraEnv: A has value and valueFrom", "Leave one out."],
    ),
    ({"extraEnv": [{"name": "A", "valueFrom": {}}]}, ["extraEnv: A has 0 sources in valueFrom; a variable has one."]),
    (
        {"extraVolumes": [{"name": "x", "emptyDir": {}, "configMap": {"name": "c"}}]},
        ["extraVolumes: x has configMap and emptyDir; a volume has one of them. Leave one."],
    ),
    ({"extraEnv": [{"name": "BGE_RERANKER_CONFIG", "value": "{}"}]}, ["BGE_RERANKER_CONFIG would be there twice"]),
    (
        {"extraEnv": [{"name": "BGE_RERANKER_DEADLINE_S", "value": "3"}]},
        ["BGE_RERANKER_DEADLINE_S is a setting of the service", "Set it in config"],
    ),
    (
        {"extraContainers": [{"name": "c", "image": "i", "ports": [{"containerPort": 8001}]}]},
        ["port 8001 (TCP) would be there twice", "Choose another"],
    ),
    (
        {"extraContainers": [{"name": "c", "image": "i", "ports": [{"containerPort": 1, "name": "http"}]}]},
        ["port http would be there twice"],
    ),
    ({"extraContainers": [{"name": "scorer", "image": "i"}]}, ["scorer would be there twice"]),
    ({"extraVolumes": [{"name": "temporary", "emptyDir": {}}]}, ["extraVolumes: temporary would be there twice"]),
    ({"extraVolumeMounts": [{"name": "x", "mountPath": "/tmp"}]}, ["/tmp would be mounted twice"]),
    ({"extraVolumeMounts": [{"name": "x", "mountPath": "/dev/shm/"}]}, ["/dev/shm would be mounted twice"]),
    (
        {"extraVolumeMounts": [{"name": "x", "mountPath": "/x"}]},
        ["extraVolumeMounts: x is no volume of the pod. Add it to extraVolumes, or correct the name."],
    ),
    ({"service": {"nodePort": 30000}}, ["service.nodePort is 30000 and service.type is ClusterIP"]),
    ({"ingress": {"enabled": True}}, ["ingress.hosts is empty", "List at least one host name."]),
    (
        {"ingress": {"enabled": True, "hosts": ["rerank.example:443"]}},
        ['ingress.hosts has "rerank.example:443"', "without https://, port or path"],
    ),
    ({"httpRoute": {"hostnames": ["Rerank.example"]}}, ['httpRoute.hostnames has "Rerank.example"', "in lower case"]),
    ({"httpRoute": {"enabled": True}}, ["httpRoute.parentRefs is empty", "Name one"]),
    ({"config": {"model": {"device": "cuda"}}, "gpu": {"count": 0}}, ["gpu.count is 0", "Set gpu.count to 1"]),
    ({"config": {"model": {"precision": "FP8"}}, "gpu": {"count": 0}}, ["which only GPUs compute", "gpu.count to 1"]),
    ({"gpu": {"claimTemplate": "one", "count": 0}}, ["gpu.claimTemplate is one", "Set gpu.count to 1"]),
    ({"gpu": {"claimTemplate": "One_GPU"}}, ['gpu.claimTemplate is "One_GPU"']),
    ({"config": {"model": {"device": "cpu"}}}, ["a GPU would be taken and not used", "Set gpu.count to 0"]),
    ({"resources": {"limits": {"nvidia.com/gpu": 1}}}, ["resources.limits has nvidia.com/gpu", "set gpu.count"]),
    ({"resources": {"requests": {"nvidia.com/gpu": 1}}}, ["resources.requests has nvidia.com/gpu", "set gpu.count"]),
    (
        {"config": {"http": {"managementHost": "127.0.0.1"}}},
        ['config.http.managementHost is "127.0.0.1"; a pod must listen on all of its addresses', "Leave it out"],
    ),
    (
        {"model": {"source": "pvc://No_Claim/x"}},
        ['model.source is "pvc://No_Claim/x"; it must be demo, demo-clip, hf://org/name'],
    ),
    ({"model": {"source": "s3://bucket/../other"}}, ['model.source is "s3://bucket/../other"']),
    ({"model": {"source": "hf://a/b/c"}}, ['model.source is "hf://a/b/c"']),
    ({"model": {"source": "/model", "revision": "one"}}, ["a folder has no revision. Leave model.revision out."]),
    ({"model": {"revision": "-x"}}, ['model.revision is "-x"; it must be a name of letters', "at most 200"]),
    ({"hub": {"endpoint": "hub.example"}}, ['hub.endpoint is "hub.example"; it must be the address of a server']),
    # What stands where a port would may be a password.
    ({"hub": {"endpoint": "https://hub.example:99999"}}, ["hub.endpoint is wrong; it must be the address of a server"]),
    (
        {"autoscaling": {"enabled": True, "backlogSeconds": {"metric": "a/b"}}},
        ['autoscaling.backlogSeconds.metric is "a/b"; the name of a metric has letters', "Correct it."],
    ),
    ({"s3": {"endpoint": "https://a b"}}, ['s3.endpoint is "https://a b"']),
    (
        {"model": {"source": "https://user:hush@host:99999/m"}},
        ["model.source is wrong; it must be demo, demo-clip, hf://org/name"],
    ),
    ({"proxy": {"https": "socks5h://user:hush@proxy:1"}}, ["proxy.https is wrong; it must be the address of an HTTP"]),
    ({"config": {"model": {"device": "cuda:1"}}}, ["the only GPU of the pod is cuda:0"]),
    ({"config": {"model": {"runtime": "openvino"}}}, ["OpenVINO computes on the CPU. Set gpu.count to 0"]),
    (
        {"config": {"model": {"runtime": "OpenVINO", "device": "CUDA"}}, "gpu": {"count": 0}},
        [
            "config.model.device is cuda and gpu.count is 0",
            "which computes on the CPU, and config.model.device is a GPU",
        ],
    ),
    ({"config": {"model": {"precision": "int8"}}}, ["config.model.precision is int8, which only OpenVINO computes"]),
    (
        {"config": {"text": {"maxPairTokens": 100, "windowOverlapTokens": 100}}},
        ["config.text.windowOverlapTokens is 100, config.text.maxPairTokens is 100", "raise maxPairTokens"],
    ),
    (
        {"config": {"text": {"maxPairTokens": 9, "maxQueryTokens": 50}}},
        ["config.text.maxQueryTokens must be less than config.text.maxPairTokens, or no room", "Lower it"],
    ),
    (
        {"config": {"text": {"maxPairTokens": 7}}},
        ["config.text.maxPairTokens must be at least 8, or", "(config.text.maxPairTokens is 7)"],
    ),
    (
        {"model": {"source": "demo"}, "config": {"text": {"maxPairTokens": 513}}},
        ["must be at most the model's longest pair", "maxPairTokens is 513, the model's longest pair is 512"],
    ),
    ({"config": {"text": {"maxQueryTokens": 512}}}, ["maxQueryTokens is 512, the model's longest pair is 512"]),
    (
        {"config": {"http": {"maxBodyBytes": 500_000_000}}},
        ["config.http.maxBodiesBytes is 268435456, config.http.maxBodyBytes is 500000000", "Raise maxBodiesBytes"],
    ),
    ({"config": {"http": {"host": "not a host"}}}, ['config.http.host is "not a host"; a pod must listen']),
    (
        {"networkPolicy": {"egressCidrs": ["10.0.0.0"]}},
        ['networkPolicy.egressCidrs has "10.0.0.0"; it must be a range'],
    ),
    ({"networkPolicy": {"egressCidrs": ["10.0.0.0/99"]}}, ['has "10.0.0.0/99"; it must be a range of addresses']),
    ({"networkPolicy": {"searchNamespaces": ["a.b"]}}, ['networkPolicy.searchNamespaces has "a.b"; the name of a']),
    ({"podLabels": {"team": "search & find"}}, ['podLabels has the value "search & find"; the value of a label']),
    ({"commonLabels": {"a b": "x"}}, ['commonLabels has the name "a b"; the name of a label']),
    ({"nodeSelector": {"zone": "-"}}, ['nodeSelector has the value "-"']),
    (
        {"service": {"annotations": {"UPPER.example/x/y": "z"}}},
        ['service.annotations has the name "UPPER.example/x/y"'],
    ),
    ({"priorityClassName": "High Priority"}, ['priorityClassName is "High Priority"; the name of an object']),
    ({"runtimeClassName": "Nvidia"}, ['runtimeClassName is "Nvidia"']),
    ({"ingress": {"className": "nginx/"}}, ['ingress.className is "nginx/"']),
    ({"cache": {"storageClass": "fast_ssd"}}, ['cache.storageClass is "fast_ssd"']),
    ({"image": {"pullSecrets": ["a/b"]}}, ['image.pullSecrets has "a/b"']),
    ({"secrets": {"apiKeys": {"name": "keys", "key": ".."}}}, ['secrets.apiKeys.key is ".."; a key of a Secret']),
    ({"ingress": {"path": "/a/../b"}}, ['ingress.path is "/a/../b"; it must be a path']),
    (
        {"serviceAccount": {"name": "default"}},
        ["serviceAccount.name is default, which every namespace has already.", "set serviceAccount.create to false"],
    ),
    ({"gpu": {"resource": "nvidia..com/gpu"}}, ['gpu.resource is "nvidia..com/gpu"']),
    ({"gpu": {"resource": "requests.nvidia.com/gpu"}}, ["no resource that a device plugin may offer", "Name another"]),
    ({"gpu": {"resource": "kubernetes.io/gpu"}}, ["gpu.resource is kubernetes.io/gpu, which is no resource"]),
    ({"resources": {"limits": {"kubernetes.io/x": 1}}}, ['has "kubernetes.io/x", which is no resource of a container']),
    (
        {"resources": {"requests": {"example.org/x": 1}}},
        ["resources.requests has example.org/x, whose request and limit must be equal. Set resources.limits"],
    ),
    (
        {"resources": {"requests": {"hugepages-2Mi": "2Mi"}, "limits": {"hugepages-2Mi": "4Mi"}}},
        ["resources.requests has hugepages-2Mi, whose request and limit must be equal."],
    ),
    (
        {"resources": {"limits": {"example.org/x": "500m"}}},
        ["resources.limits.example.org/x is 500m; devices are whole. Give it a whole number."],
    ),
    ({"resources": {"limits": {"gpu": 1}}}, ['resources.limits has "gpu", which is no resource of a container']),
    (
        {"config": {"engine": {"maxQueueTokens": 100}}},
        ["config.engine.maxQueueTokens is 100, config.engine.maxBatchTokens is 16384", "Raise maxQueueTokens"],
    ),
]


@pytest.mark.parametrize(("values", "sentence"), UNKNOWN + WRONG)
def test_the_schema_refuses_by_key_and_bound(values: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal(values)


def test_a_proxy_s_password_is_not_shown() -> None:
    assert "hush" not in refusal({"proxy": {"https": "socks5h://user:hush@proxy:1"}})


@pytest.mark.parametrize(("values", "parts"), IMPOSSIBLE)
def test_impossible_values_are_refused_with_a_remedy(values: Values, parts: list[str]) -> None:
    said = refusal(values)
    assert "these values cannot work" in said
    for part in parts:
        assert part in said


def test_a_release_of_nothing_is_refused() -> None:
    said = refusal({"scorer": {"enabled": False}, "operator": {"enabled": False}})
    assert "the release would be empty. Set one of them to true." in said


OPERATOR: list[tuple[Values, str]] = [
    ({"fullnameOverride": "Capital"}, 'fullnameOverride is "Capital"'),
    ({"operator": {"image": {"tag": "a:b"}}}, "image.registry, operator.image.repository and operator.image.tag make"),
    ({"operator": {"resources": {"limits": {"memory": "lots"}}}}, 'operator.resources.limits.memory is "lots"'),
    ({"operator": {"resources": {"requests": {"memory": "9Gi"}}}}, "operator.resources.requests.memory is 9Gi"),
]


@pytest.mark.parametrize(("values", "sentence"), OPERATOR)
@pytest.mark.parametrize("scorer", [{"enabled": True}, {"enabled": False}])
def test_the_operator_is_asked_the_same_with_and_without_a_scorer(
    values: Values, sentence: str, scorer: Values
) -> None:
    whole = {**values, "operator": {"enabled": True, **values.get("operator", {})}, "scorer": scorer}
    assert sentence in refusal(whole)


def test_a_service_of_the_cluster_s_own_is_not_taken() -> None:
    values: Values = {**CPU_DEMO, "service": {"name": "kubernetes"}}
    assert render(values).one("Service", "kubernetes")
    said = refusal(values, namespace="default")
    assert "service.name is kubernetes, which is the API server's own Service" in said


def test_a_registry_has_an_ipv6_address_as_well() -> None:
    scorer = render({"image": {"registry": "[fd00::1]:5000", "tag": "1"}}).scorer
    assert scorer["image"] == "[fd00::1]:5000/bge-reranker:1"


def test_one_port_of_two_protocols_is_no_duplicate() -> None:
    ports = [{"containerPort": 53, "protocol": protocol} for protocol in ("TCP", "UDP")]
    pod = render({"extraContainers": [{"name": "dns", "image": "i", "ports": ports}]}).pod
    assert pod["containers"][1]["ports"] == ports


@pytest.mark.parametrize(
    ("request_", "limit"),
    [("1Gi", "1G"), ("1.5", "1499m"), (2, "1"), ("1e3", "999"), ("1Ki", "1023000m"), ("1E", "1P")],
)
def test_quantities_are_compared_by_what_they_mean(request_: str | int, limit: str) -> None:
    few, many = {"ephemeral-storage": limit}, {"ephemeral-storage": request_}
    assert "a request must not be above its limit" in refusal({"resources": {"requests": many, "limits": few}})
    assert render({"resources": {"requests": few, "limits": many}}).scorer["resources"]["requests"]
    assert render({"resources": {"requests": many, "limits": many}}).scorer["resources"]["requests"]


def test_all_problems_are_said_at_once() -> None:
    said = refusal({"cache": {"size": "?", "retain": True}, "ingress": {"enabled": True}})
    assert said.count("\n- ") == 3


def test_a_name_that_is_too_long_is_refused_with_the_bound() -> None:
    assert "length must not be longer than 53" in refusal({}, release="a" * 54)
