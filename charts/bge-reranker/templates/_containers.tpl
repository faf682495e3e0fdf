{{/*
The two containers of the chart's own. Both run one image, and read one configuration.
*/}}

{{- define "bge-reranker.fetchContainer" -}}
- name: fetch-model
  image: {{ include "bge-reranker.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy | quote }}
  {{- /* The scorer's port later: until then the operator follows the download there. */}}
  args:
    - model
    - fetch
    - --metrics-port=8001
    {{- if has .Values.cache.type (list "pvc" "existing") }}
    - --keep={{ add1 (int .Values.rollout.keepVersions) }}
    {{- end }}
  env:
    {{- include "bge-reranker.environmentWithoutGate" . | nindent 4 }}
    {{- with include "bge-reranker.downloadEnvironment" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
  {{- with .Values.containerSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- /* The pod's own figures: it needs no more than the larger of the two, and quotas ask for some. */}}
  {{- with .Values.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    {{- include "bge-reranker.volumeMounts" . | nindent 4 }}
    {{- with include "bge-reranker.downloadMounts" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* What a download is shown beside the volumes of all containers. */}}
{{- define "bge-reranker.downloadMounts" -}}
{{- if .Values.secrets.caBundle.name }}
{{ include "bge-reranker.authoritiesMount" . }}
{{- end }}
{{- if include "bge-reranker.registryFiles" . }}
- name: registries
  mountPath: /etc/bge-reranker/registries
  readOnly: true
{{- end }}
{{- end }}

{{- define "bge-reranker.authoritiesMount" -}}
- name: authorities
  mountPath: /etc/bge-reranker/authorities
  readOnly: true
{{- end }}

{{- define "bge-reranker.scorerContainer" -}}
- name: scorer
  image: {{ include "bge-reranker.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy | quote }}
  args: [serve]
  env:
    {{- include "bge-reranker.environment" . | nindent 4 }}
    {{- with include "bge-reranker.goldenSetVariable" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
  ports:
    - name: http
      containerPort: 8000
    - name: management
      containerPort: 8001
  {{- with .Values.containerSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  resources:
    {{- include "bge-reranker.resources" . | nindent 4 }}
  {{- include "bge-reranker.probes" . | nindent 2 }}
  volumeMounts:
    {{- include "bge-reranker.volumeMounts" . | nindent 4 }}
    {{- with include "bge-reranker.keysMount" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with include "bge-reranker.guardMounts" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with include "bge-reranker.gateMounts" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- if .Values.sharedMemorySize }}
    - name: shared-memory
      mountPath: /dev/shm
    {{- end }}
{{- end }}

{{/* CPU and memory as given, and the GPU: claimed, or a limit, which is its request too. */}}
{{- define "bge-reranker.resources" -}}
{{- $resources := deepCopy (default dict .Values.resources) -}}
{{- if .Values.gpu.claimTemplate -}}
{{- $_ := set $resources "claims" (list (dict "name" "gpu")) -}}
{{- else if gt (int .Values.gpu.count) 0 -}}
{{- $limits := mergeOverwrite (default dict $resources.limits) (dict .Values.gpu.resource (toString (int .Values.gpu.count))) -}}
{{- $_ := set $resources "limits" $limits -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end }}

{{/* On the management port, which no caller can fill. Readiness is looked at after the startup probe has passed. */}}
{{- define "bge-reranker.probes" -}}
startupProbe:
  httpGet:
    path: /health/ready
    port: management
  periodSeconds: 1
  timeoutSeconds: 5
  failureThreshold: {{ add (int .Values.probes.startupSeconds) (ternary (int .Values.gate.timeoutSeconds) 0 (eq (include "bge-reranker.hasGate" .) "true")) }}
readinessProbe:
  httpGet:
    path: /health/ready
    port: management
  periodSeconds: {{ int .Values.probes.readiness.periodSeconds }}
  timeoutSeconds: {{ int .Values.probes.readiness.timeoutSeconds }}
  failureThreshold: {{ int .Values.probes.readiness.failureThreshold }}
livenessProbe:
  httpGet:
    path: /health/live
    port: management
  periodSeconds: {{ int .Values.probes.liveness.periodSeconds }}
  timeoutSeconds: {{ int .Values.probes.liveness.timeoutSeconds }}
  failureThreshold: {{ int .Values.probes.liveness.failureThreshold }}
{{- end }}
