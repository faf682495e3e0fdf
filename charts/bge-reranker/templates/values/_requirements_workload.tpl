{{/*
Rules about quantities, replicas and the device. Each define gives one sentence a line.
*/}}

{{- define "bge-reranker.requirements.quantities" -}}
{{- $given := dict "cache.size" .Values.cache.size "autoscaling.backlogSeconds.target" .Values.autoscaling.backlogSeconds.target "autoscaling.gpu.target" .Values.autoscaling.gpu.target "autoscaling.keda.outsideTarget" .Values.autoscaling.keda.outsideTarget "prometheusRule.backlogSeconds" .Values.prometheusRule.backlogSeconds }}
{{- with .Values.sharedMemorySize }}{{ $_ := set $given "sharedMemorySize" . }}{{ end }}
{{- range $key, $quantity := $given }}
{{- include "bge-reranker.requirements.quantity" (list $key $quantity) }}
{{- if eq (include "bge-reranker.amount" $quantity) "0" }}
{{ $key }} is {{ toString $quantity | quote }}; it must be more than nothing. Give it a number above 0.
{{ end }}
{{- end }}
{{- include "bge-reranker.requirements.resources" (list "resources" .Values.resources) }}
{{- end }}

{{/* Requests and limits of a container, as the API server would refuse them: (list "resources" VALUE). */}}
{{- define "bge-reranker.requirements.resources" -}}
{{- $key := first . }}
{{- $limits := default dict (default dict (last .)).limits }}
{{- $requests := default dict (default dict (last .)).requests }}
{{- range $part, $amounts := dict "requests" $requests "limits" $limits }}
{{- range $name, $_ := $amounts }}
{{- if or (not (regexMatch "^(cpu|memory|ephemeral-storage|hugepages-[0-9]+[KMG]i|[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)$" $name)) (hasPrefix "requests." $name) (contains "kubernetes.io/" $name) }}
{{ $key }}.{{ $part }} has {{ quote $name }}, which is no resource of a container: cpu, memory, ephemeral-storage, hugepages-SIZE, or a name with a domain other than kubernetes.io. Correct it.
{{ end }}
{{- end }}
{{- end }}
{{- range $name, $quantity := $requests }}{{ include "bge-reranker.requirements.quantity" (list (printf "%s.requests.%s" $key $name) $quantity) }}{{ end }}
{{- range $name, $quantity := $limits }}{{ include "bge-reranker.requirements.quantity" (list (printf "%s.limits.%s" $key $name) $quantity) }}{{ end }}
{{- /* Pages and devices cannot be overcommitted. */}}
{{- range $name, $_ := merge (dict) $limits $requests }}
{{- if or (contains "/" $name) (hasPrefix "hugepages-" $name) }}
{{- $limit := get $limits $name | include "bge-reranker.amount" }}
{{- if or (not (hasKey $limits $name)) (and (hasKey $requests $name) (ne $limit (get $requests $name | include "bge-reranker.amount"))) }}
{{ $key }}.requests has {{ $name }}, whose request and limit must be equal. Set {{ $key }}.limits to the same, and leave the request out.
{{ end }}
{{- if and (contains "/" $name) (not (regexMatch "^[0-9]+$" $limit)) (hasKey $limits $name) $limit }}
{{ $key }}.limits.{{ $name }} is {{ get $limits $name | toString }}; devices are whole. Give it a whole number.
{{ end }}
{{- end }}
{{- end }}
{{- range $name, $quantity := $requests }}
{{- $limit := get $limits $name | include "bge-reranker.amount" }}
{{- $request := include "bge-reranker.amount" $quantity }}
{{- if and $limit $request }}
{{- if gt (float64 $request) (float64 $limit) }}
{{ $key }}.requests.{{ $name }} is {{ toString $quantity }} and {{ $key }}.limits.{{ $name }} is {{ get $limits $name | toString }}; a request must not be above its limit. Raise the limit or lower the request.
{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "bge-reranker.requirements.quantity" -}}
{{- if not (include "bge-reranker.amount" (last .)) }}
{{ first . }} is {{ last . | toString | quote }}; it must be a quantity, which is a number and a unit without a space: 500m and 2 for CPUs, 512Mi and 10Gi for bytes.
{{ end }}
{{- end }}

{{/* A quantity as a plain number; empty if it is none. */}}
{{- define "bge-reranker.amount" -}}
{{- $quantity := toString . -}}
{{- if regexMatch "^([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$" $quantity -}}
{{- $unit := regexFind "([KMGTPE]i|[numkMGTPE])$" $quantity -}}
{{- $sizes := dict "" 1.0 "n" 1e-9 "u" 1e-6 "m" 1e-3 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0 -}}
{{- mulf (float64 (trimSuffix $unit $quantity)) (get $sizes $unit) -}}
{{- end -}}
{{- end }}

{{- define "bge-reranker.requirements.scaling" -}}
{{- if .Values.autoscaling.enabled }}
{{- if not (or .Values.autoscaling.backlogSeconds.enabled .Values.autoscaling.gpu.enabled .Values.autoscaling.cpu.enabled .Values.autoscaling.metrics .Values.autoscaling.keda.enabled) }}
autoscaling.enabled is true and there is no metric to scale on. Enable autoscaling.backlogSeconds, autoscaling.gpu or autoscaling.cpu, or list one in autoscaling.metrics.
{{ end }}
{{- if .Values.autoscaling.keda.enabled }}{{ include "bge-reranker.requirements.keda" . }}{{ else }}{{ include "bge-reranker.requirements.zero" . }}{{ end }}
{{- if and .Values.autoscaling.cpu.enabled (not (dig "requests" "cpu" "" (default dict .Values.resources))) }}
autoscaling.cpu.enabled is true and resources.requests.cpu is missing, of which it is a percentage. Set the request, or scale on autoscaling.backlogSeconds.
{{ end }}
{{- if and .Values.autoscaling.gpu.enabled (eq (int .Values.gpu.count) 0) }}
autoscaling.gpu.enabled is true and gpu.count is 0, so no pod has a GPU to measure. Scale on autoscaling.backlogSeconds or autoscaling.cpu, or set gpu.count to 1.
{{ end }}
{{- end }}
{{- $budget := toString .Values.podDisruptionBudget.maxUnavailable }}
{{- if not (regexMatch "^(0|[1-9][0-9]{0,8}|([0-9]{1,2}|100)%)$" $budget) }}
podDisruptionBudget.maxUnavailable is {{ quote $budget }}; it must be a number of pods or a percentage of at most 100%. Write one such as 1 or "25%".
{{ end }}
{{- end }}

{{/* A HorizontalPodAutoscaler leaves 0 only by a metric that needs no pod. */}}
{{- define "bge-reranker.requirements.zero" -}}
{{- $outside := false }}
{{- range .Values.autoscaling.metrics }}{{ if has .type (list "Object" "External") }}{{ $outside = true }}{{ end }}{{ end }}
{{- if and (eq (int .Values.autoscaling.minReplicas) 0) (not $outside) }}
autoscaling.minReplicas is 0 and autoscaling.metrics has none of type Object or External, so nothing would bring a pod back: pods that are not there have no metrics. Add one on a series from outside of the pods, such as the ingress controller's, or set minReplicas to 1.
{{ end }}
{{- if .Values.autoscaling.keda.interceptor.enabled }}
autoscaling.keda.interceptor.enabled is true and autoscaling.keda.enabled is false, and only KEDA reads what the interceptor counts. Set autoscaling.keda.enabled to true, or leave the interceptor out.
{{ end }}
{{- end }}

{{- define "bge-reranker.requirements.keda" -}}
{{- if .Values.autoscaling.metrics }}
autoscaling.metrics is for a HorizontalPodAutoscaler and autoscaling.keda.enabled is true. Leave one of them out.
{{ end }}
{{- if not (or .Values.autoscaling.backlogSeconds.enabled .Values.autoscaling.gpu.enabled .Values.autoscaling.cpu.enabled .Values.autoscaling.keda.outsideQuery .Values.autoscaling.keda.interceptor.enabled) }}
autoscaling.keda.enabled is true and there is nothing to scale on. Enable autoscaling.backlogSeconds, autoscaling.gpu or autoscaling.cpu, or give autoscaling.keda.outsideQuery.
{{ end }}
{{- if and (not .Values.autoscaling.keda.serverAddress) (or .Values.autoscaling.backlogSeconds.enabled .Values.autoscaling.gpu.enabled .Values.autoscaling.keda.outsideQuery) }}
autoscaling.keda.serverAddress is empty, so KEDA has no Prometheus to ask. Give its address, such as http://prometheus-operated.monitoring:9090.
{{ end }}
{{- if and (eq (int .Values.autoscaling.minReplicas) 0) (not .Values.autoscaling.keda.outsideQuery) }}
autoscaling.minReplicas is 0 and autoscaling.keda.outsideQuery is empty, so nothing would bring a pod back: pods that are not there have no series. Give a query on a series from outside of the pods, such as the ingress controller's requests a second, or set minReplicas to 1.
{{ end }}
{{- with regexFind "\\b(bge_reranker|rerank|te|DCGM|container|kube_pod)_[A-Za-z_]+|\\b__name__" .Values.autoscaling.keda.outsideQuery }}
autoscaling.keda.outsideQuery asks for {{ . }}, a series of the pods themselves, which is gone with the last of them. Ask for one of an ingress controller, a gateway or the callers.
{{ end }}
{{- if and .Values.autoscaling.keda.interceptor.enabled (not .Values.autoscaling.keda.interceptor.hosts) }}
autoscaling.keda.interceptor.enabled is true and autoscaling.keda.interceptor.hosts is empty, so its proxy would not know which requests are for this release. List at least one host name.
{{ end }}
{{- if gt (int .Values.autoscaling.keda.fallback.replicas) (int .Values.autoscaling.maxReplicas) }}
autoscaling.keda.fallback.replicas is {{ int .Values.autoscaling.keda.fallback.replicas }} and autoscaling.maxReplicas is {{ int .Values.autoscaling.maxReplicas }}; a fallback must not be above it. Lower fallback.replicas or raise maxReplicas.
{{ end }}
{{- end }}

{{- define "bge-reranker.requirements.device" -}}
{{- $device := include "bge-reranker.setting" (list . "model" "device") | lower }}
{{- if and (eq (int .Values.gpu.count) 0) (hasPrefix "cuda" $device) }}
config.model.device is {{ $device }} and gpu.count is 0, so the pod has no GPU. Set gpu.count to 1, or leave config.model.device out.
{{ end }}
{{- if and (gt (int .Values.gpu.count) 0) (eq $device "cpu") }}
config.model.device is cpu and gpu.count is {{ int .Values.gpu.count }}, so a GPU would be taken and not used. Set gpu.count to 0, or leave config.model.device out.
{{ end }}
{{- if and (gt (int .Values.gpu.count) 0) (regexMatch "^cuda:[0-9]*[1-9]" $device) }}
config.model.device is {{ $device }} and gpu.count is {{ int .Values.gpu.count }}, so the only GPU of the pod is cuda:0. Leave config.model.device out.
{{ end }}
{{- $runtime := include "bge-reranker.setting" (list . "model" "runtime") | lower }}
{{- $precision := include "bge-reranker.setting" (list . "model" "precision") | lower }}
{{- if and (eq $runtime "openvino") (gt (int .Values.gpu.count) 0) }}
config.model.runtime is openvino and gpu.count is {{ int .Values.gpu.count }}, but OpenVINO computes on the CPU. Set gpu.count to 0, or leave config.model.runtime out.
{{ end }}
{{- if and (eq $precision "int8") (gt (int .Values.gpu.count) 0) }}
config.model.precision is int8, which only OpenVINO computes, on a CPU, and gpu.count is {{ int .Values.gpu.count }}. Set gpu.count to 0, or leave config.model.precision out.
{{ end }}
{{- if and (eq $precision "fp8") (eq (int .Values.gpu.count) 0) }}
config.model.precision is fp8, which only GPUs compute, and gpu.count is 0. Set gpu.count to 1, or leave config.model.precision out.
{{ end }}
{{- if and .Values.gpu.claimTemplate (eq (int .Values.gpu.count) 0) }}
gpu.claimTemplate is {{ .Values.gpu.claimTemplate }} and gpu.count is 0, so a device would be claimed and not used. Set gpu.count to 1, or leave gpu.claimTemplate out.
{{ end }}
{{- if or (hasPrefix "requests." .Values.gpu.resource) (contains "kubernetes.io/" .Values.gpu.resource) }}
gpu.resource is {{ .Values.gpu.resource }}, which is no resource that a device plugin may offer. Name another, such as nvidia.com/gpu.
{{ end }}
{{- range $part := list "limits" "requests" }}
{{- if hasKey (default dict (get (default dict $.Values.resources) $part)) $.Values.gpu.resource }}
resources.{{ $part }} has {{ $.Values.gpu.resource }}, which gpu.count sets. Remove it from resources.{{ $part }} and set gpu.count.
{{ end }}
{{- end }}
{{- end }}
