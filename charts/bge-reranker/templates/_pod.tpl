{{/*
The pod of the scorer, be it the served version or its shadow.
*/}}

{{- define "bge-reranker.podAnnotations" -}}
kubectl.kubernetes.io/default-container: scorer
bge-reranker.io/model: {{ include "bge-reranker.version" . | quote }}
{{- if include "bge-reranker.hasGate" . }}
bge-reranker.io/gate-hash: {{ include "bge-reranker.gateHash" . | quote }}
{{- end }}
{{- if .Values.rollout.shadow.enabled }}
bge-reranker.io/shadow: fed
{{- end }}
{{- with .Values.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "bge-reranker.pod" -}}
serviceAccountName: {{ include "bge-reranker.serviceAccountName" . | quote }}
automountServiceAccountToken: false
{{- /* Variables of other Services would only be mistaken for settings. */}}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ include "bge-reranker.gracePeriodSeconds" . }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "bge-reranker.scheduling" . | trim }}
{{ . }}
{{- end }}
{{- if or .Values.extraInitContainers (eq (include "bge-reranker.delivery" .) "fetched") }}
initContainers:
  {{- with .Values.extraInitContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- if eq (include "bge-reranker.delivery" .) "fetched" }}
  {{- include "bge-reranker.fetchContainer" . | nindent 2 }}
  {{- end }}
{{- end }}
containers:
  {{- include "bge-reranker.scorerContainer" . | nindent 2 }}
  {{- with .Values.extraContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.gpu.claimTemplate }}
resourceClaims:
  - name: gpu
    resourceClaimTemplateName: {{ . | quote }}
{{- end }}
volumes:
  {{- include "bge-reranker.volumes" . | nindent 2 }}
{{- end }}
