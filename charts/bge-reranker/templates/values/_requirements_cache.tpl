{{/*
Rules about the model and the volume that it lies on.
*/}}

{{- define "bge-reranker.requirements.cache" -}}
{{- if and (eq .Values.cache.type "existing") (not .Values.cache.existingClaim) }}
cache.type is existing and cache.existingClaim is empty. Name the PersistentVolumeClaim, or choose another cache.type.
{{ end }}
{{- if and .Values.cache.existingClaim (ne .Values.cache.type "existing") }}
cache.existingClaim is {{ .Values.cache.existingClaim }} and cache.type is {{ .Values.cache.type }}, which does not use it. Set cache.type to existing, or leave existingClaim empty.
{{ end }}
{{- if and (eq .Values.cache.type "image") (not .Values.cache.image) }}
cache.type is image and cache.image is empty. Give the reference of the image that has the models, or choose another cache.type.
{{ end }}
{{- if and .Values.cache.image (ne .Values.cache.type "image") }}
cache.image is {{ .Values.cache.image }} and cache.type is {{ .Values.cache.type }}, which does not use it. Set cache.type to image, or leave cache.image empty.
{{ end }}
{{- if and .Values.cache.retain (ne .Values.cache.type "pvc") }}
cache.retain is true and cache.type is {{ .Values.cache.type }}; only a volume of type pvc can outlive the release. Set cache.type to pvc, or cache.retain to false.
{{ end }}
{{- include "bge-reranker.requirements.sharing" . }}
{{- $named := regexFind "^((hf://)?[^:/]+/[^/@]+|oci://[^@]+)@.+$" .Values.model.source | splitList "@" | last }}
{{- if and $named .Values.model.revision (ne $named .Values.model.revision) }}
model.source names revision {{ $named }} and model.revision is {{ .Values.model.revision }}; a pod serves one version. Leave one of them out.
{{ end }}
{{- if and (hasPrefix "/" .Values.model.source) .Values.model.revision }}
model.source is {{ quote .Values.model.source }} and model.revision is {{ .Values.model.revision }}; a folder has no revision. Leave model.revision out.
{{ end }}
{{- end }}

{{/* A volume that one node mounts cannot serve two pods, and a surge is two pods. */}}
{{- define "bge-reranker.requirements.sharing" -}}
{{- if and (has .Values.cache.type (list "pvc" "existing")) (hasPrefix "ReadWriteOnce" .Values.cache.accessMode) (eq (include "bge-reranker.delivery" .) "fetched") }}
{{- $most := ternary (int .Values.autoscaling.maxReplicas) (int .Values.replicas) .Values.autoscaling.enabled }}
{{- $key := ternary "autoscaling.maxReplicas" "replicas" .Values.autoscaling.enabled }}
{{- if gt $most 1 }}
cache.accessMode is {{ .Values.cache.accessMode }} and {{ $key }} is {{ $most }}, but only one replica can share such a volume: a second node could not mount it. Set cache.accessMode to ReadWriteMany with a storage class that offers it, or cache.type to ephemeral, or {{ $key }} to 1.
{{ end }}
{{- if eq .Values.rollout.mode "surge" }}
cache.accessMode is {{ .Values.cache.accessMode }} and rollout.mode is surge, whose new pod would wait for ever for a volume that the old one holds. Set rollout.mode to inPlace or recreate, or cache.accessMode to ReadWriteMany, or cache.type to ephemeral.
{{ end }}
{{- end }}
{{- end }}
