{{/*
The shadow: another version of the model beside the served one, fed with a sample of its requests.
*/}}

{{- define "bge-reranker.shadowName" -}}
{{- printf "%s-shadow" (include "bge-reranker.name" .) -}}
{{- end }}

{{- define "bge-reranker.shadowLabels" -}}
{{ include "bge-reranker.ownLabels" (list . "shadow") }}
{{- end }}

{{- define "bge-reranker.shadowPeer" -}}
- podSelector:
    matchLabels:
      {{- include "bge-reranker.shadowLabels" . | nindent 6 }}
{{- end }}

{{/* The values with the other version. What it does not name of one is not the served one's, but for the source. It feeds
     nobody itself, and callers' pods are none of its own to spread from. */}}
{{- define "bge-reranker.shadowValues" -}}
{{- $values := set (deepCopy .Values) "topologySpreadConstraints" list -}}
{{- $source := default .Values.model.source .Values.shadow.source -}}
{{- $model := dict "source" $source "revision" (default "" .Values.shadow.revision) "digest" (default "" .Values.shadow.digest) -}}
{{- $_ := set $values "model" (mergeOverwrite $values.model $model) -}}
{{- $_ := set $values.rollout.shadow "enabled" false -}}
{{- toJson $values -}}
{{- end }}

{{/* What the operator demands of a version before it serves. */}}
{{- define "bge-reranker.shadowDemands" -}}
{{- $demands := dict "minDurationSeconds" (int .Values.rollout.shadow.minDurationSeconds) "minComparisons" (int .Values.rollout.shadow.minComparisons) -}}
{{- range $name, $number := dict "minKendallTau" .Values.rollout.shadow.minKendallTau "maxDrift" .Values.rollout.shadow.maxDrift -}}
{{- if not (kindIs "invalid" $number) }}{{ $_ := set $demands $name $number }}{{ end -}}
{{- end -}}
{{- toJson $demands -}}
{{- end }}
