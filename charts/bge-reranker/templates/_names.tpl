{{/*
Names and labels; the only place that makes them.
*/}}

{{/*
An object's name from a release's: dots to dashes, `r-` before a digit. Whatever was altered or cut gets a hash of the
original, so that two releases never meet, and so do the names of Kubernetes' own objects: each namespace has a
ServiceAccount `default`, one has a Service `kubernetes`. 52 characters leave room for every suffix below 63.
*/}}
{{- define "bge-reranker.objectName" -}}
{{- $name := . | replace "." "-" -}}
{{- if regexMatch "^[0-9]" $name }}{{ $name = printf "r-%s" $name }}{{ end -}}
{{- if or (ne $name .) (gt (len $name) 52) (has $name (list "default" "kubernetes")) -}}
{{- printf "%s-%s" ($name | trunc 43 | trimSuffix "-") (sha256sum . | trunc 8) -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end }}

{{- define "bge-reranker.name" -}}
{{- include "bge-reranker.objectName" (default .Release.Name .Values.fullnameOverride) -}}
{{- end }}

{{/* The Service that callers use: its name may outlive a change of all other names. */}}
{{- define "bge-reranker.serviceName" -}}
{{- default (include "bge-reranker.name" .) .Values.service.name -}}
{{- end }}

{{/*
What selects the scorer's pods; immutable in a Deployment, so it never changes. The full name is unique in a namespace,
which the instance is not: a Helm release and a Reranker may share one, and so do the two Deployments of a move.
*/}}
{{- define "bge-reranker.selectorLabels" -}}
{{ include "bge-reranker.ownLabels" (list . "scorer") }}
{{- end }}

{{/* The labels by which a component's objects are found: (list . "scorer"). */}}
{{- define "bge-reranker.ownLabels" -}}
app.kubernetes.io/name: bge-reranker
app.kubernetes.io/instance: {{ (first .).Release.Name | quote }}
app.kubernetes.io/component: {{ last . }}
bge-reranker.io/fullname: {{ include "bge-reranker.name" (first .) | quote }}
{{- end }}

{{/* The labels of every object; called with the component beside the root: (list . "scorer"). */}}
{{- define "bge-reranker.labels" -}}
{{- $root := first . -}}
{{- $own := dict
    "app.kubernetes.io/part-of" "bge-reranker"
    "app.kubernetes.io/version" $root.Chart.AppVersion
    "app.kubernetes.io/managed-by" $root.Release.Service
    "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_")
-}}
{{- toYaml (merge (include "bge-reranker.ownLabels" . | fromYaml) $own (default dict $root.Values.commonLabels)) -}}
{{- end }}

{{- define "bge-reranker.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "bge-reranker.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{/* Class and mode of a claim cannot change, so its name has a hash of them: another class is another claim. */}}
{{- define "bge-reranker.claimName" -}}
{{- $fixed := printf "%s %s" .Values.cache.storageClass .Values.cache.accessMode -}}
{{- printf "%s-cache-%s" (include "bge-reranker.name" .) (sha256sum $fixed | trunc 8) -}}
{{- end }}

{{- define "bge-reranker.image" -}}
{{- $registry := ternary (printf "%s/" .Values.image.registry) "" (ne .Values.image.registry "") -}}
{{- $image := printf "%s%s" $registry .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $image .Values.image.digest -}}
{{- else -}}
{{- $suffix := ternary "-cpu" "" (eq (int .Values.gpu.count) 0) -}}
{{- printf "%s:%s" $image (default (printf "%s%s" .Chart.AppVersion $suffix) .Values.image.tag) -}}
{{- end -}}
{{- end }}
