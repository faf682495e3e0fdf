{{/*
Rules about what is added to the pod and in front of it.
*/}}

{{/* The members that are there more than once, joined by commas. */}}
{{- define "bge-reranker.duplicates" -}}
{{- $seen := dict }}
{{- $twice := list }}
{{- range . }}
{{- if hasKey $seen . }}{{ $twice = append $twice . }}{{ end }}
{{- $_ := set $seen . true }}
{{- end }}
{{- join ", " (uniq $twice) }}
{{- end }}

{{- define "bge-reranker.requirements.pod" -}}
{{- $own := concat (list (dict "name" "BGE_RERANKER_CONFIG")) (include "bge-reranker.downloadEnvironment" . | fromYamlArray) }}
{{- $variables := list }}
{{- range concat $own (default list .Values.extraEnv) }}{{ $variables = append $variables (default "" .name) }}{{ end }}
{{- with include "bge-reranker.duplicates" $variables }}
extraEnv: {{ . }} would be there twice. Name each variable once; what the chart sets itself comes from config, proxy, hub, s3 and secrets.
{{ end }}
{{- range .Values.extraEnv }}
{{- if and (hasKey . "value") (hasKey . "valueFrom") }}
extraEnv: {{ .name }} has value and valueFrom; a variable has one of them. Leave one out.
{{ end }}
{{- $sources := default dict .valueFrom | values | compact }}
{{- if and (hasKey . "valueFrom") (ne (len $sources) 1) }}
extraEnv: {{ .name }} has {{ len $sources }} sources in valueFrom; a variable has one. Leave one.
{{ end }}
{{- if and (hasPrefix "BGE_RERANKER_" (default "" .name)) (ne .name "BGE_RERANKER_CONFIG") }}
extraEnv: {{ .name }} is a setting of the service. Set it in config, where its name and bounds are checked.
{{ end }}
{{- end }}
{{- $spreads := list }}
{{- range .Values.topologySpreadConstraints }}{{ $spreads = append $spreads (printf "%s of %s" .whenUnsatisfiable .topologyKey) }}{{ end }}
{{- with include "bge-reranker.duplicates" $spreads }}
topologySpreadConstraints: {{ . }} would be there twice. Give each key one constraint, or one of each kind.
{{ end }}
{{- include "bge-reranker.requirements.ports" . }}
{{- $volumes := list }}
{{- range include "bge-reranker.volumes" . | fromYamlArray }}{{ $volumes = append $volumes (default "" .name) }}{{ end }}
{{- with include "bge-reranker.duplicates" $volumes }}
extraVolumes: {{ . }} would be there twice. Give each volume a name of its own; temporary, cache, model, shared-memory, authorities, api-keys, internal-token and gate are the chart's.
{{ end }}
{{- range .Values.extraVolumes }}
{{- if gt (len (omit . "name")) 1 }}
extraVolumes: {{ .name }} has {{ keys (omit . "name") | sortAlpha | join " and " }}; a volume has one of them. Leave one.
{{ end }}
{{- end }}
{{- include "bge-reranker.requirements.mounts" (list . $volumes) }}
{{- $containers := list "scorer" "fetch-model" }}
{{- range concat (default list .Values.extraContainers) (default list .Values.extraInitContainers) }}{{ $containers = append $containers (default "" .name) }}{{ end }}
{{- with include "bge-reranker.duplicates" $containers }}
extraContainers and extraInitContainers: {{ . }} would be there twice. Give each container a name of its own; scorer and fetch-model are the chart's.
{{ end }}
{{- end }}

{{/* What is mounted where, of volumes that there are: (list . NAMES). */}}
{{- define "bge-reranker.requirements.mounts" -}}
{{- $paths := list "/dev/shm" "/etc/bge-reranker/api-keys" "/etc/bge-reranker/authorities" "/etc/bge-reranker/gate" "/etc/bge-reranker/internal-token" }}
{{- range include "bge-reranker.volumeMounts" (first .) | fromYamlArray }}{{ $paths = append $paths (.mountPath | trimSuffix "/") }}{{ end }}
{{- with include "bge-reranker.duplicates" $paths }}
extraVolumeMounts: {{ . }} would be mounted twice. Choose another mountPath; /tmp, /models, /dev/shm, /etc/bge-reranker and the claims of pvc:// are the chart's.
{{ end }}
{{- $volumes := last . }}
{{- range (first .).Values.extraVolumeMounts }}
{{- if not (has .name $volumes) }}
extraVolumeMounts: {{ .name }} is no volume of the pod. Add it to extraVolumes, or correct the name.
{{ end }}
{{- end }}
{{- end }}

{{- define "bge-reranker.requirements.ports" -}}
{{- $numbers := list "8000 (TCP)" "8001 (TCP)" }}
{{- $names := list "http" "management" }}
{{- range .Values.extraContainers }}
{{- range .ports }}
{{- $numbers = append $numbers (printf "%d (%s)" (int .containerPort) (default "TCP" .protocol)) }}
{{- with .name }}{{ $names = append $names . }}{{ end }}
{{- end }}
{{- end }}
{{- with include "bge-reranker.duplicates" (concat $numbers $names) }}
extraContainers: port {{ . }} would be there twice in one pod. Choose another; 8000 (http) and 8001 (management) are the scorer's.
{{ end }}
{{- if and (gt (int .Values.service.nodePort) 0) (eq .Values.service.type "ClusterIP") }}
service.nodePort is {{ int .Values.service.nodePort }} and service.type is ClusterIP, which has none. Set service.type to NodePort or LoadBalancer, or nodePort to 0.
{{ end }}
{{- end }}

{{- define "bge-reranker.requirements.routes" -}}
{{- if and .Values.networkPolicy.enabled .Values.networkPolicy.egressCidrs (not .Values.networkPolicy.egressPorts) }}
networkPolicy.egressPorts is empty, which would open every port of networkPolicy.egressCidrs. List ports, such as 443, or leave egressCidrs empty to open none.
{{ end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
ingress.enabled is true and ingress.hosts is empty. List at least one host name.
{{ end }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}
httpRoute.enabled is true and httpRoute.parentRefs is empty, so no gateway would take the route. Name one, such as {name: GATEWAY, namespace: NAMESPACE}.
{{ end }}
{{- $parents := list }}
{{- range .Values.httpRoute.parentRefs }}{{ $parents = append $parents (pick . "group" "kind" "namespace" "name" "sectionName" "port" | toJson) }}{{ end }}
{{- with include "bge-reranker.duplicates" $parents }}
httpRoute.parentRefs: {{ . }} would be there twice. Give each a sectionName of its own, or remove one.
{{ end }}
{{- end }}
