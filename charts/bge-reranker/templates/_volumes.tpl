{{/*
Volumes of the pod, and where its containers mount them.
*/}}

{{- define "bge-reranker.volumes" -}}
- name: temporary
  emptyDir: {}
{{- if has (include "bge-reranker.delivery" .) (list "fetched" "packed") }}
- name: cache
  {{- include "bge-reranker.cacheVolume" . | nindent 2 }}
{{- end }}
{{- if hasPrefix "pvc://" .Values.model.source }}
- name: model
  persistentVolumeClaim:
    claimName: {{ include "bge-reranker.sourceClaim" . | quote }}
{{- end }}
{{- if .Values.sharedMemorySize }}
- name: shared-memory
  emptyDir:
    medium: Memory
    sizeLimit: {{ .Values.sharedMemorySize | quote }}
{{- end }}
{{- include "bge-reranker.downloadVolumes" . }}
{{- include "bge-reranker.keysVolume" . }}
{{- include "bge-reranker.gateVolumes" . }}
{{- include "bge-reranker.guardVolumes" . }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "bge-reranker.downloadVolumes" -}}
{{- include "bge-reranker.authoritiesVolume" . }}
{{- include "bge-reranker.registriesVolume" . }}
{{- end }}

{{- define "bge-reranker.authoritiesVolume" -}}
{{- if .Values.secrets.caBundle.name }}
- name: authorities
  secret:
    secretName: {{ .Values.secrets.caBundle.name | quote }}
    items:
      - key: {{ .Values.secrets.caBundle.key | quote }}
        path: ca.pem
{{- end }}
{{- end }}

{{/* Names of the Secrets that open an image's registry, one to a line: the one that is named for it goes first. */}}
{{- define "bge-reranker.registrySecrets" -}}
{{- if and (hasPrefix "oci://" .Values.model.source) (eq (include "bge-reranker.delivery" .) "fetched") }}
{{- prepend .Values.image.pullSecrets .Values.secrets.registry.name | compact | uniq | join "\n" }}
{{- end }}
{{- end }}

{{/* Where the init step finds them, as container tools take a list of such files. */}}
{{- define "bge-reranker.registryFiles" -}}
{{- $files := list }}
{{- range $number, $_ := include "bge-reranker.registrySecrets" . | splitList "\n" | compact }}
{{- $files = append $files (printf "/etc/bge-reranker/registries/%d.json" $number) }}
{{- end }}
{{- join ":" $files }}
{{- end }}

{{- define "bge-reranker.registriesVolume" -}}
{{- with include "bge-reranker.registrySecrets" . | splitList "\n" | compact }}
- name: registries
  projected:
    sources:
      {{- range $number, $name := . }}
      {{- $isNamed := eq $name $.Values.secrets.registry.name }}
      - secret:
          name: {{ $name | quote }}
          {{- /* A pull secret that is not there stops no pod either. */}}
          optional: {{ not $isNamed }}
          items:
            - key: {{ ternary $.Values.secrets.registry.key ".dockerconfigjson" $isNamed | quote }}
              path: {{ printf "%d.json" $number }}
      {{- end }}
{{- end }}
{{- end }}

{{- define "bge-reranker.keysVolume" -}}
{{- if .Values.secrets.apiKeys.name }}
- name: api-keys
  secret:
    secretName: {{ .Values.secrets.apiKeys.name | quote }}
    items:
      - key: {{ .Values.secrets.apiKeys.key | quote }}
        path: keys
{{- end }}
{{- end }}

{{- define "bge-reranker.keysMount" -}}
{{- if .Values.secrets.apiKeys.name }}
- name: api-keys
  mountPath: /etc/bge-reranker/api-keys
  readOnly: true
{{- end }}
{{- end }}

{{- define "bge-reranker.cacheVolume" -}}
{{- if eq .Values.cache.type "ephemeral" -}}
ephemeral:
  volumeClaimTemplate:
    metadata:
      labels:
        {{- include "bge-reranker.selectorLabels" . | nindent 8 }}
    spec:
      accessModes: [ReadWriteOnce]
      {{- with .Values.cache.storageClass }}
      storageClassName: {{ . | quote }}
      {{- end }}
      resources:
        requests:
          storage: {{ .Values.cache.size | quote }}
{{- else if eq .Values.cache.type "emptyDir" -}}
emptyDir:
  sizeLimit: {{ .Values.cache.size | quote }}
{{- else if eq .Values.cache.type "image" -}}
image:
  reference: {{ .Values.cache.image | quote }}
  pullPolicy: {{ .Values.image.pullPolicy | quote }}
{{- else -}}
persistentVolumeClaim:
  claimName: {{ ternary .Values.cache.existingClaim (include "bge-reranker.claimName" .) (eq .Values.cache.type "existing") | quote }}
{{- end -}}
{{- end }}

{{- define "bge-reranker.sourceClaim" -}}
{{- .Values.model.source | trimPrefix "pvc://" | splitList "/" | first -}}
{{- end }}

{{- define "bge-reranker.volumeMounts" -}}
- name: temporary
  mountPath: /tmp
{{- if has (include "bge-reranker.delivery" .) (list "fetched" "packed") }}
- name: cache
  mountPath: /models
{{- end }}
{{- if hasPrefix "pvc://" .Values.model.source }}
- name: model
  mountPath: /mnt/claims/{{ include "bge-reranker.sourceClaim" . }}
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}
