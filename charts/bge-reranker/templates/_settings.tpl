{{/*
The service's settings: one JSON variable in the pod template, so that an old pod that restarts never reads new
settings. It holds only what differs from the service's defaults.
*/}}

{{/* How the model gets into the pod: `embedded`, `inPlace` or `fetched`; `packed` where an image brings it. */}}
{{- define "bge-reranker.delivery" -}}
{{- if has .Values.model.source (list "demo" "demo-clip") -}}embedded
{{- else if regexMatch "^(pvc://|file://|/)" .Values.model.source -}}inPlace
{{- else if eq .Values.cache.type "image" -}}packed
{{- else -}}fetched
{{- end -}}
{{- end }}

{{/* The version of the model by which the operator tells pods apart. */}}
{{- define "bge-reranker.version" -}}
{{- dict "source" .Values.model.source "revision" .Values.model.revision "digest" .Values.model.digest | toJson -}}
{{- end }}

{{- define "bge-reranker.settings" -}}
{{- $model := dict "source" .Values.model.source -}}
{{- with .Values.model.revision }}{{ $_ := set $model "revision" . }}{{ end -}}
{{- with .Values.model.digest }}{{ $_ := set $model "expectDigest" . }}{{ end -}}
{{- if has (include "bge-reranker.delivery" .) (list "fetched" "packed") -}}
{{- $_ := set $model "cacheDir" "/models" -}}
{{- end -}}
{{- $http := dict "host" "::" "managementHost" "::" -}}
{{- if .Values.secrets.tls.name -}}
{{- $_ := set $http "tlsCertFile" "/etc/bge-reranker/tls/tls.crt" -}}
{{- $_ := set $http "tlsKeyFile" "/etc/bge-reranker/tls/tls.key" -}}
{{- end -}}
{{- $own := dict "model" $model "http" $http -}}
{{- with include "bge-reranker.guardFiles" . | fromJson }}{{ $_ := set $own "guard" . }}{{ end -}}
{{- if .Values.rollout.shadow.enabled -}}
{{- $_ := set $own "shadow" (dict "hosts" (include "bge-reranker.shadowName" .) "sampleRatio" .Values.rollout.shadow.sampleRatio) -}}
{{- end -}}
{{- if include "bge-reranker.hasGate" . }}{{ $_ := set $own "gate" (include "bge-reranker.gateSettings" . | fromJson) }}{{ end -}}
{{- toJson (mergeOverwrite $own (deepCopy (default dict .Values.config))) -}}
{{- end }}

{{/* One setting with the service's default behind it: (list . "http" "drainDelayS"). */}}
{{- define "bge-reranker.setting" -}}
{{- $root := index . 0 -}}
{{- $defaults := $root.Files.Get "files/settings-defaults.json" | fromJson -}}
{{- $group := mergeOverwrite (index $defaults (index . 1)) (deepCopy (default dict (index (default dict $root.Values.config) (index . 1)))) -}}
{{- index $group (index . 2) -}}
{{- end }}

{{/* The drain, the longest request, and five seconds for everything else. */}}
{{- define "bge-reranker.gracePeriodSeconds" -}}
{{- $drain := include "bge-reranker.setting" (list . "http" "drainDelayS") | float64 -}}
{{- $deadline := include "bge-reranker.setting" (list . "engine" "deadlineS") | float64 -}}
{{- addf $drain $deadline 5 | ceil | int -}}
{{- end }}
