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
{{- include "bge-reranker.pictureEgress" . }}
{{- end }}

{{/* Where pictures are fetched from, as `config.pictures.fetchPictures` has it. */}}
{{- define "bge-reranker.pictureEgress" -}}
{{- $fetched := include "bge-reranker.setting" (list . "pictures" "fetchPictures") | lower -}}
{{- if eq $fetched "public" }}
- ports:
    - port: 80
    - port: 443
  to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: [10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]
    - ipBlock:
        cidr: 2000::/3
{{- else if eq $fetched "all" }}
- {}
{{- end }}
{{- end }}

{{/* With the shadow, wherever there may be one: the served version's pods ask it, and it them where a gate compares. */}}
{{- define "bge-reranker.releasePeers" -}}
{{ include "bge-reranker.scorerPeer" . }}
{{- if .Values.rollout.shadow.enabled }}
{{ include "bge-reranker.shadowPeer" . }}
{{- end }}
{{- end }}
