{{/*
Environment variables. The serving container gets no secret that only a download needs.
*/}}

{{- define "bge-reranker.environment" -}}
- name: BGE_RERANKER_CONFIG
  value: {{ include "bge-reranker.settings" . | quote }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Of containers beside the scorer, which have no golden set, and so no gate that needs one. */}}
{{- define "bge-reranker.environmentWithoutGate" -}}
- name: BGE_RERANKER_CONFIG
  value: {{ omit (include "bge-reranker.settings" . | fromJson) "gate" | toJson | quote }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What a download needs: proxies, mirrors, keys, authorities. */}}
{{- define "bge-reranker.downloadEnvironment" -}}
{{- $plain := dict
    "HTTP_PROXY" .Values.proxy.http
    "HTTPS_PROXY" .Values.proxy.https
    "NO_PROXY" .Values.proxy.noProxy
    "HF_ENDPOINT" .Values.hub.endpoint
    "AWS_ENDPOINT_URL_S3" .Values.s3.endpoint
    "AWS_REGION" .Values.s3.region
    "REGISTRY_AUTH_FILE" (include "bge-reranker.registryFiles" .)
    "SSL_CERT_FILE" (ternary "/etc/bge-reranker/authorities/ca.pem" "" (ne .Values.secrets.caBundle.name ""))
-}}
{{- range $name, $value := $plain }}
{{- if $value }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- if .Values.secrets.hubToken.name }}
{{ include "bge-reranker.secretVariable" (list "HF_TOKEN" .Values.secrets.hubToken.name .Values.secrets.hubToken.key) }}
{{- end }}
{{- if .Values.secrets.s3.name }}
{{ include "bge-reranker.secretVariable" (list "AWS_ACCESS_KEY_ID" .Values.secrets.s3.name .Values.secrets.s3.accessKeyIdKey) }}
{{ include "bge-reranker.secretVariable" (list "AWS_SECRET_ACCESS_KEY" .Values.secrets.s3.name .Values.secrets.s3.secretAccessKeyKey) }}
{{- end }}
{{- end }}

{{- define "bge-reranker.secretVariable" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 | quote }}
      key: {{ index . 2 | quote }}
{{- end }}
