{{/*
The relevance gate: its settings, and the hash by which its input is known.
*/}}

{{- define "bge-reranker.hasGate" -}}
{{- if or .Values.gate.goldenSet .Values.gate.configMap.name }}true{{ end -}}
{{- end }}

{{/* Without the golden set itself, which only the scorer's container gets: in the pod template it lies once. */}}
{{- define "bge-reranker.gateSettings" -}}
{{- $gate := dict "peers" (printf "%s-headless" (include "bge-reranker.name" .)) "timeoutS" (int .Values.gate.timeoutSeconds) -}}
{{- if .Values.gate.configMap.name -}}
{{- $_ := set $gate "goldenSetFile" "/etc/bge-reranker/gate/golden-set.jsonl" -}}
{{- $_ := set $gate "goldenSetSha256" .Values.gate.configMap.sha256 -}}
{{- end -}}
{{- range $name, $number := include "bge-reranker.gateNumbers" . | fromJson }}{{ $_ := set $gate $name $number }}{{ end -}}
{{- $cutOffs := list -}}
{{- range .Values.gate.cutOffs -}}
{{- $drift := "" -}}
{{- if not (kindIs "invalid" .maxDrift) }}{{ $drift = printf ":%s" (include "bge-reranker.decimal" .maxDrift) }}{{ end -}}
{{- $cutOffs = append $cutOffs (printf "%s=%s%s" .name (include "bge-reranker.decimal" .score) $drift) -}}
{{- end -}}
{{- if $cutOffs }}{{ $_ := set $gate "cutOffs" (join "," $cutOffs) }}{{ end -}}
{{- toJson $gate -}}
{{- end }}

{{/* A number as `cutOffs` takes it: a small one is JSON's with an exponent. */}}
{{- define "bge-reranker.decimal" -}}
{{- $digits := toJson . -}}
{{- if regexMatch "[eE]" $digits }}{{ printf "%.12f" (float64 .) }}{{ else }}{{ $digits }}{{ end -}}
{{- end }}

{{/* The thresholds that there are, by the settings' names. */}}
{{- define "bge-reranker.gateNumbers" -}}
{{- $numbers := dict -}}
{{- range $name, $number := dict "minNdcgAt10" .Values.gate.minNdcgAt10 "maxNdcgLoss" .Values.gate.maxNdcgLoss "minKendallTau" .Values.gate.minKendallTau -}}
{{- if not (kindIs "invalid" $number) }}{{ $_ := set $numbers $name $number }}{{ end -}}
{{- end -}}
{{- toJson $numbers -}}
{{- end }}

{{/* As bge_reranker.evaluation.thresholds.gate_hash makes it. */}}
{{- define "bge-reranker.gateHash" -}}
{{- $golden := .Values.gate.configMap.sha256 -}}
{{- if .Values.gate.goldenSet }}{{ $golden = include "bge-reranker.goldenSet" . | sha256sum }}{{ end -}}
{{- $lines := list (printf "goldenSet %s" $golden) -}}
{{- $lines = append $lines (printf "minNdcgAt10 %s" (include "bge-reranker.gateDigits" (list .Values.gate.minNdcgAt10))) -}}
{{- $lines = append $lines (printf "maxNdcgLoss %s" (include "bge-reranker.gateDigits" (list .Values.gate.maxNdcgLoss))) -}}
{{- $lines = append $lines (printf "minKendallTau %s" (include "bge-reranker.gateDigits" (list .Values.gate.minKendallTau))) -}}
{{- range .Values.gate.cutOffs -}}
{{- $lines = append $lines (printf "cutOff %s %s %s" .name (include "bge-reranker.gateDigits" (list .score)) (include "bge-reranker.gateDigits" (list .maxDrift))) -}}
{{- end -}}
{{- printf "%s\n" (join "\n" $lines) | sha256sum -}}
{{- end }}

{{- define "bge-reranker.gateDigits" -}}
{{- if kindIs "invalid" (first .) }}-{{ else }}{{ printf "%.6f" (first . | float64) }}{{ end -}}
{{- end }}

{{/* The service takes blanks around a variable's value away. */}}
{{- define "bge-reranker.goldenSet" -}}
{{- .Values.gate.goldenSet | trim -}}
{{- end }}

{{- define "bge-reranker.goldenSetVariable" -}}
{{- if .Values.gate.goldenSet }}
- name: BGE_RERANKER_GOLDEN_SET
  {{- /* The kubelet reads $$ as a dollar sign, and $(NAME) as a variable. */}}
  value: {{ include "bge-reranker.goldenSet" . | replace "$" "$$" | quote }}
{{- end }}
{{- end }}

{{- define "bge-reranker.gateVolumes" -}}
{{- if .Values.gate.configMap.name }}
- name: gate
  configMap:
    name: {{ .Values.gate.configMap.name | quote }}
    items:
      - key: {{ .Values.gate.configMap.key | quote }}
        path: golden-set.jsonl
{{- end }}
{{- if .Values.secrets.internalToken.name }}
- name: internal-token
  secret:
    secretName: {{ .Values.secrets.internalToken.name | quote }}
    items:
      - key: {{ .Values.secrets.internalToken.key | quote }}
        path: token
{{- end }}
{{- end }}

{{- define "bge-reranker.gateMounts" -}}
{{- if .Values.gate.configMap.name }}
- name: gate
  mountPath: /etc/bge-reranker/gate
  readOnly: true
{{- end }}
{{- if .Values.secrets.internalToken.name }}
- name: internal-token
  mountPath: /etc/bge-reranker/internal-token
  readOnly: true
{{- end }}
{{- end }}
