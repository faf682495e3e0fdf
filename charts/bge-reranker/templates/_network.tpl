{{/*
Whom the pods of a release may reach, and who may reach them.
*/}}

{{/* Where a scorer calls: others of its release, and what its guard and traces need. */}}
{{- define "bge-reranker.scorerEgress" -}}
{{ include "bge-reranker.egress" . }}
- ports:
    - port: 8000
    - port: 8001
  to:
    {{- include "bge-reranker.releasePeers" . | nindent 4 }}
{{- range list (list "redisUrl" 6379) (list "jwksUrl" 443) }}
{{- with include "bge-reranker.guardPort" (list $ . ) | trim }}
- ports:
    - port: {{ int . }}
{{- end }}
{{- end }}
{{- with (default dict (default dict .Values.config).observe).otlpEndpoint }}
- ports:
    - port: {{ include "bge-reranker.portOf" . }}
  {{- include "bge-reranker.receiverPeer" . | nindent 2 }}
{{- end }}
{{- end }}

{{/* With the shadow, wherever there may be one: the served version's pods ask it, and it them where a gate compares. */}}
{{- define "bge-reranker.releasePeers" -}}
{{ include "bge-reranker.scorerPeer" . }}
{{- if .Values.rollout.shadow.enabled }}
{{ include "bge-reranker.shadowPeer" . }}
{{- end }}
{{- end }}
