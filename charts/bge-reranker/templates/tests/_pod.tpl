{{/*
What the pods of `helm test` have in common.
*/}}

{{- define "bge-reranker.testPod" -}}
restartPolicy: Never
serviceAccountName: {{ include "bge-reranker.serviceAccountName" . | quote }}
automountServiceAccountToken: false
enableServiceLinks: false
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
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat (ternary .Values.gpu.tolerations list (gt (int .Values.gpu.count) 0) | default list) (default list .Values.tolerations) }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* It is small, and gets both limits, since a quota on either refuses a pod that states none. */}}
{{- define "bge-reranker.testResources" -}}
requests:
  cpu: 50m
  memory: 64Mi
limits:
  cpu: 500m
  memory: 256Mi
{{- end }}
