{{/*
What the guard reads: files of Secrets, and addresses. Secrets are mounted without sub-paths, so that changes arrive in
running pods.
*/}}

{{/* The files, by the setting that names each. */}}
{{- define "bge-reranker.guardFiles" -}}
{{- $files := dict -}}
{{- if .Values.secrets.apiKeys.name }}{{ $_ := set $files "keysFile" "/etc/bge-reranker/api-keys/keys" }}{{ end -}}
{{- if .Values.secrets.internalToken.name }}{{ $_ := set $files "internalTokenFile" "/etc/bge-reranker/internal-token/token" }}{{ end -}}
{{- if .Values.secrets.jwtSecret.name }}{{ $_ := set $files "jwtSecretFile" "/etc/bge-reranker/jwt-secret/secrets" }}{{ end -}}
{{- if .Values.secrets.jwks.name }}{{ $_ := set $files "jwksFile" "/etc/bge-reranker/jwks/jwks.json" }}{{ end -}}
{{- if .Values.secrets.redis.name }}{{ $_ := set $files "redisPasswordFile" "/etc/bge-reranker/redis/password" }}{{ end -}}
{{- if include "bge-reranker.guardTrusts" . }}{{ $_ := set $files "caFile" "/etc/bge-reranker/authorities/ca.pem" }}{{ end -}}
{{- toJson $files -}}
{{- end }}

{{/* Whether the bundle of authorities verifies what the guard asks: not empty if so. */}}
{{- define "bge-reranker.guardTrusts" -}}
{{- $guard := default dict (default dict .Values.config).guard -}}
{{- $asked := list (default "" $guard.redisUrl) (default "" $guard.jwksUrl) -}}
{{- if and .Values.secrets.caBundle.name (or (hasPrefix "rediss://" (first $asked)) (hasPrefix "https://" (last $asked))) -}}
yes
{{- end -}}
{{- end }}

{{- define "bge-reranker.guardSecrets" -}}
{{- $found := list -}}
{{- with .Values.secrets.jwtSecret.name -}}
{{- $items := list (dict "key" $.Values.secrets.jwtSecret.key "path" "secrets") -}}
{{- $found = append $found (dict "volume" "jwt-secret" "name" . "items" $items) -}}
{{- end -}}
{{- with .Values.secrets.jwks.name -}}
{{- $items := list (dict "key" $.Values.secrets.jwks.key "path" "jwks.json") -}}
{{- $found = append $found (dict "volume" "jwks" "name" . "items" $items) -}}
{{- end -}}
{{- with .Values.secrets.redis.name -}}
{{- $items := list (dict "key" $.Values.secrets.redis.key "path" "password") -}}
{{- $found = append $found (dict "volume" "redis" "name" . "items" $items) -}}
{{- end -}}
{{- with .Values.secrets.tls.name -}}
{{- $found = append $found (dict "volume" "tls" "name" . "items" list) -}}
{{- end -}}
{{- toJson $found -}}
{{- end }}

{{- define "bge-reranker.guardVolumes" -}}
{{- range include "bge-reranker.guardSecrets" . | fromJsonArray }}
- name: {{ .volume }}
  secret:
    secretName: {{ .name | quote }}
    {{- with .items }}
    items:
      {{- toYaml . | nindent 6 }}
    {{- end }}
{{- end }}
{{- end }}

{{- define "bge-reranker.guardMounts" -}}
{{- range include "bge-reranker.guardSecrets" . | fromJsonArray }}
- name: {{ .volume }}
  mountPath: /etc/bge-reranker/{{ .volume }}
  readOnly: true
{{- end }}
{{- if include "bge-reranker.guardTrusts" . }}
{{ include "bge-reranker.authoritiesMount" . }}
{{- end }}
{{- end }}

{{/* Port of an address that the guard asks: (list . (list "redisUrl" 6379)). Policies know no names of hosts. */}}
{{- define "bge-reranker.guardPort" -}}
{{- $root := index . 0 -}}
{{- $url := index (default dict (default dict $root.Values.config).guard) (index (index . 1) 0) -}}
{{- if $url -}}
{{- default (index (index . 1) 1) (include "bge-reranker.portOf" $url) -}}
{{- end -}}
{{- end }}

{{/* The port that an address names, without the zeros in front that would make it octal; nothing where it names none. */}}
{{- define "bge-reranker.portOf" -}}
{{- $authority := regexFind "//[^/?#]*" . | splitList "@" | last -}}
{{- regexFind "[1-9][0-9]*$" (regexFind ":[0-9]+$" $authority) -}}
{{- end }}
