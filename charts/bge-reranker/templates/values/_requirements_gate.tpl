{{/*
Rules about the relevance gate. Each define gives one sentence a line.
*/}}

{{/* Whether callers need a key or token. */}}
{{- define "bge-reranker.isGuarded" -}}
{{- if or .Values.secrets.apiKeys.name .Values.secrets.jwtSecret.name .Values.secrets.jwks.name (dig "guard" "jwksUrl" "" (default dict .Values.config)) }}true{{ end -}}
{{- end }}

{{- define "bge-reranker.requirements.gate" -}}
{{- $relative := or (not (kindIs "invalid" .Values.gate.maxNdcgLoss)) (not (kindIs "invalid" .Values.gate.minKendallTau)) .Values.gate.cutOffs }}
{{- if gt (default "" .Values.gate.goldenSet | len) 65536 }}
gate.goldenSet has {{ default "" .Values.gate.goldenSet | len }} bytes; at most 65536 fit into a pod template. Put it into a ConfigMap and name that in gate.configMap.
{{ end }}
{{- if and .Values.gate.goldenSet (not (trim .Values.gate.goldenSet)) }}
gate.goldenSet holds nothing but blanks. Write judged queries into it, or leave it empty.
{{ end }}
{{- if and .Values.gate.configMap.name (not .Values.gate.configMap.sha256) }}
gate.configMap.name is {{ .Values.gate.configMap.name }} and gate.configMap.sha256 is empty, so that nobody could tell by what a model was judged. Give the SHA-256 of its key {{ .Values.gate.configMap.key }}.
{{ end }}
{{- if and .Values.gate.configMap.sha256 (not .Values.gate.configMap.name) }}
gate.configMap.sha256 is given and gate.configMap.name is empty. Name the ConfigMap, or leave sha256 empty.
{{ end }}
{{- if and $relative (include "bge-reranker.isGuarded" .) (not .Values.secrets.internalToken.name) }}
gate compares versions, and callers need a key or token, which pods that ask each other need as well. Name a Secret in secrets.internalToken.name.
{{ end }}
{{- end }}
