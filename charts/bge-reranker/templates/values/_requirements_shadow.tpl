{{/*
Rules about the shadow. Each define gives one sentence a line.
*/}}

{{- define "bge-reranker.requirements.shadow" -}}
{{- if and .Values.shadow (not .Values.rollout.shadow.enabled) }}
shadow names a version and rollout.shadow.enabled is false, so no request would be sent to it. Set rollout.shadow.enabled to true, or leave shadow out.
{{ end }}
{{- if .Values.rollout.shadow.enabled }}
{{- if and (include "bge-reranker.isGuarded" .) (not .Values.secrets.internalToken.name) }}
rollout.shadow.enabled is true, and callers need a key or token, which the serving pods need as well to ask the shadow. Name a Secret in secrets.internalToken.name.
{{ end }}
{{- if and (has .Values.cache.type (list "pvc" "existing")) (hasPrefix "ReadWriteOnce" .Values.cache.accessMode) (eq (include "bge-reranker.delivery" .) "fetched") }}
rollout.shadow.enabled is true and cache.accessMode is {{ .Values.cache.accessMode }}, but the shadow needs the volume beside the pods that serve. Set cache.accessMode to ReadWriteMany, or cache.type to ephemeral.
{{ end }}
{{- end }}
{{- end }}
