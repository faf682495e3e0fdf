{{/*
Names and the pod of the operator; used by its own templates only.
*/}}

{{- define "bge-reranker.operator.name" -}}
{{- printf "%s-operator" (include "bge-reranker.name" .) -}}
{{- end }}

{{/* Of what renews the CRD; a Job's name becomes a label, and so has at most 63 characters. */}}
{{- define "bge-reranker.operator.crdName" -}}
{{- printf "%s-crd" (include "bge-reranker.name" .) -}}
{{- end }}

{{- define "bge-reranker.operator.selectorLabels" -}}
app.kubernetes.io/name: bge-reranker-operator
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* The labels of every object of the operator: its own name, so that nothing takes its pod for a scorer's. */}}
{{- define "bge-reranker.operator.labels" -}}
{{- $own := include "bge-reranker.operator.selectorLabels" . | fromYaml -}}
{{- toYaml (merge $own (include "bge-reranker.labels" (list . "operator") | fromYaml)) -}}
{{- end }}

{{- define "bge-reranker.operator.image" -}}
{{- $registry := ternary (printf "%s/" .Values.image.registry) "" (ne .Values.image.registry "") -}}
{{- $image := printf "%s%s" $registry .Values.operator.image.repository -}}
{{- if .Values.operator.image.digest -}}
{{- printf "%s@%s" $image .Values.operator.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image (default .Chart.AppVersion .Values.operator.image.tag) -}}
{{- end -}}
{{- end }}

{{/* Shared by the operator's pods and the Job that renews the CRD. */}}
{{- define "bge-reranker.operator.container" -}}
image: {{ include "bge-reranker.operator.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy | quote }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
resources:
  {{- toYaml .Values.operator.resources | nindent 2 }}
{{- end }}

{{- define "bge-reranker.operator.pod" -}}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with .Values.operator.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.operator.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.operator.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
