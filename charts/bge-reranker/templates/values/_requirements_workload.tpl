{{/*
Rules about quantities, replicas and the device. Each define gives one sentence a line.
*/}}

{{- define "bge-reranker.requirements.quantities" -}}
{{- $given := dict "cache.size" .Values.cache.size "autoscaling.backlogSeconds.target" .Values.autoscaling.backlogSeconds.target "autoscaling.gpu.target" .Values.autoscaling.gpu.target }}
{{- with .Values.sharedMemorySize }}{{ $_ := set $given "sharedMemorySize" . }}{{ end }}
{{- range $name, $quantity := (default dict .Values.resources).requests }}{{ $_ := set $given (printf "resources.requests.%s" $name) $quantity }}{{ end }}
{{- range $name, $quantity := (default dict .Values.resources).limits }}{{ $_ := set $given (printf "resources.limits.%s" $name) $quantity }}{{ end }}
{{- range $key, $quantity := $given }}
{{- if not (regexMatch "^([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$" (toString $quantity)) }}
{{ $key }} is {{ toString $quantity | quote }}; it must be a quantity, which is a number and a unit without a space: 500m and 2 for CPUs, 512Mi and 10Gi for bytes.
{{ end }}
{{- end }}
{{- end }}

{{- define "bge-reranker.requirements.scaling" -}}
{{- if .Values.autoscaling.enabled }}
{{- if gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas) }}
autoscaling.minReplicas is {{ int .Values.autoscaling.minReplicas }} and autoscaling.maxReplicas is {{ int .Values.autoscaling.maxReplicas }}; the minimum must not be above the maximum. Raise maxReplicas or lower minReplicas.
{{ end }}
{{- if not (or .Values.autoscaling.backlogSeconds.enabled .Values.autoscaling.gpu.enabled .Values.autoscaling.cpu.enabled .Values.autoscaling.metrics) }}
autoscaling.enabled is true and there is no metric to scale on. Enable autoscaling.backlogSeconds, autoscaling.gpu or autoscaling.cpu, or list one in autoscaling.metrics.
{{ end }}
{{- if and .Values.autoscaling.cpu.enabled (not (dig "requests" "cpu" "" (default dict .Values.resources))) }}
autoscaling.cpu.enabled is true and resources.requests.cpu is missing, of which it is a percentage. Set the request, or scale on autoscaling.backlogSeconds.
{{ end }}
{{- if and .Values.autoscaling.gpu.enabled (eq (int .Values.gpu.count) 0) }}
autoscaling.gpu.enabled is true and gpu.count is 0, so no pod has a GPU to measure. Scale on autoscaling.backlogSeconds or autoscaling.cpu, or set gpu.count to 1.
{{ end }}
{{- end }}
{{- $budget := toString .Values.podDisruptionBudget.maxUnavailable }}
{{- if not (regexMatch "^([0-9]+|([0-9]{1,2}|100)%)$" $budget) }}
podDisruptionBudget.maxUnavailable is {{ quote $budget }}; it must be a number of pods or a percentage of at most 100%. Write one such as 1 or "25%".
{{ end }}
{{- end }}

{{- define "bge-reranker.requirements.device" -}}
{{- $device := include "bge-reranker.setting" (list . "model" "device") }}
{{- if and (eq (int .Values.gpu.count) 0) (hasPrefix "cuda" $device) }}
config.model.device is {{ $device }} and gpu.count is 0, so the pod has no GPU. Set gpu.count to 1, or leave config.model.device out.
{{ end }}
{{- if and (gt (int .Values.gpu.count) 0) (eq $device "cpu") }}
config.model.device is cpu and gpu.count is {{ int .Values.gpu.count }}, so a GPU would be taken and not used. Set gpu.count to 0, or leave config.model.device out.
{{ end }}
{{- if dig "limits" .Values.gpu.resource "" (default dict .Values.resources) }}
resources.limits has {{ .Values.gpu.resource }}, which gpu.count sets. Remove it from resources.limits and set gpu.count.
{{ end }}
{{- end }}
