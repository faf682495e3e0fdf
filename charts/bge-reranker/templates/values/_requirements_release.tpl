{{/*
Rules about what a release has at all, what it is called, and which image it runs. Each define gives one sentence a line.
*/}}

{{/* `toYaml` gives nothing at all, and no error, where one text has a sign that YAML cannot hold. */}}
{{- define "bge-reranker.requirements.signs" -}}
{{- range $key, $value := .Values }}
{{- if regexMatch "[\\x{7f}-\\x{9f}\\x{fffe}\\x{ffff}]" (toJson $value) }}
{{ $key }} has a control character, such as U+007F, in a text. Remove it.
{{ end }}
{{- end }}
{{- end }}

{{/* Helm takes a key away whose value is null; the list is generated from the defaults. */}}
{{- define "bge-reranker.requirements.presence" -}}
{{- range $path := .Files.Get "files/required-values.json" | fromJsonArray }}
{{- $value := $.Values }}
{{- /* A key of a group that is missing itself has been told of. */}}
{{- range splitList "." $path }}
{{- if kindIs "map" $value }}{{ $value = index $value . }}{{ else }}{{ $value = "told" }}{{ end }}
{{- end }}
{{- if kindIs "invalid" $value }}
{{ $path }} is null, and a release cannot be made without it. Leave it out for the default, or give it a value.
{{ end }}
{{- end }}
{{- end }}

{{- define "bge-reranker.requirements.parts" -}}
{{- if not (or .Values.scorer.enabled .Values.operator.enabled) }}
scorer.enabled and operator.enabled are false, so the release would be empty. Set one of them to true.
{{ end }}
{{- end }}

{{- define "bge-reranker.requirements.fetch" -}}
{{- if and .Values.fetch .Values.operator.enabled }}
fetch is set, which is the operator's alone: it asks for the Job that fetches a version before the pods change. Leave it out; `bge-reranker model fetch` fetches a version by hand.
{{ end }}
{{- end }}

{{- define "bge-reranker.requirements.labels" -}}
{{- range $key, $labels := dict "commonLabels" .Values.commonLabels "podLabels" .Values.podLabels "serviceMonitor.labels" .Values.serviceMonitor.labels "prometheusRule.labels" .Values.prometheusRule.labels "dashboard.labels" .Values.dashboard.labels "operator.podMonitor.labels" .Values.operator.podMonitor.labels }}
{{- range $label, $_ := $labels }}
{{- if has $label (list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "app.kubernetes.io/part-of" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" "bge-reranker.io/fullname") }}
{{ $key }} has {{ $label }}, which the chart sets itself. Choose another label.
{{ end }}
{{- end }}
{{- end }}
{{- range $annotation, $_ := .Values.podAnnotations }}
{{- if has $annotation (list "kubectl.kubernetes.io/default-container" "bge-reranker.io/model" "bge-reranker.io/gate-hash" "bge-reranker.io/shadow") }}
podAnnotations has {{ $annotation }}, which the chart sets itself. Remove it.
{{ end }}
{{- end }}
{{- end }}

{{- define "bge-reranker.requirements.names" -}}
{{- with .Values.fullnameOverride }}
{{- if or (gt (len .) 52) (not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" .)) }}
fullnameOverride is {{ quote . }} ({{ len . }} characters); it must have at most 52 characters, lower-case letters, digits and dashes, beginning with a letter and ending with a letter or digit. Shorten or correct it, or leave it empty for the release's own name.
{{ end }}
{{- end }}
{{- with .Values.service.name }}
{{- if or (gt (len .) 63) (not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" .)) }}
service.name is {{ quote . }} ({{ len . }} characters); it must have at most 63 characters, lower-case letters, digits and dashes, beginning with a letter and ending with a letter or digit. Shorten or correct it, or leave it empty for the full name.
{{ end }}
{{- if and (eq . "kubernetes") (eq $.Release.Namespace "default") }}
service.name is kubernetes, which is the API server's own Service in the namespace default. Choose another.
{{ end }}
{{- if eq . (printf "%s-headless" (include "bge-reranker.name" $)) }}
service.name is {{ quote . }}, which is the name of the headless Service. Choose another.
{{ end }}
{{- end }}
{{- end }}

{{- define "bge-reranker.requirements.account" -}}
{{- if and .Values.serviceAccount.create (eq (default "" .Values.serviceAccount.name) "default") }}
serviceAccount.create is true and serviceAccount.name is default, which every namespace has already. Choose another name, or set serviceAccount.create to false.
{{ end }}
{{- end }}

{{/* As a node would refuse it (InvalidImageName), where nobody looks. */}}
{{- define "bge-reranker.requirements.image" -}}
{{- include "bge-reranker.requirements.reference" (list "image" (include "bge-reranker.image" .) (.Files.Get "files/rules.json" | fromJson).image) }}
{{- end }}

{{- define "bge-reranker.requirements.operator" -}}
{{- include "bge-reranker.requirements.reference" (list "operator.image" (include "bge-reranker.operator.image" .) (.Files.Get "files/rules.json" | fromJson).image) }}
{{- include "bge-reranker.requirements.resources" (list "operator.resources" .Values.operator.resources) }}
{{- end }}

{{/* One image: (list "image" REFERENCE RULE), the rule being that of files/rules.json. */}}
{{- define "bge-reranker.requirements.reference" -}}
{{- $key := first . }}
{{- $reference := index . 1 }}
{{- $fits := true }}
{{- range (last .).patterns }}{{ $fits = and $fits (regexMatch . $reference) }}{{ end }}
{{- if not $fits }}
image.registry, {{ $key }}.repository and {{ $key }}.tag make {{ quote $reference }}, {{ (last .).sentence }}
{{ end }}
{{- end }}
