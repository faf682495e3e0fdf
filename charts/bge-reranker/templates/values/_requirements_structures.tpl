{{/*
Rules of files/rules.json about Kubernetes' own types: what their texts must look like, and what their fields have to do
with each other. Each define gives one sentence a line.
*/}}

{{- define "bge-reranker.requirements.structures" -}}
{{- $rules := .Files.Get "files/rules.json" | fromJson }}
{{- range $path, $type := $rules.structures }}
{{- if or $.Values.scorer.enabled (hasPrefix "operator." $path) }}
{{- range (include "bge-reranker.found" (list $.Values $path) | fromJson).found }}
{{- include "bge-reranker.requirements.structure" (list $path . $type $rules.types) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* One value of a type, and what is inside it: (list PATH VALUE TYPE TYPES). */}}
{{- define "bge-reranker.requirements.structure" -}}
{{- $path := index . 0 }}
{{- $value := index . 1 }}
{{- $types := index . 3 }}
{{- $type := get $types (index . 2) }}
{{- range $form := $type.forms }}
{{- include "bge-reranker.requirements.form" (list $form (printf "%s.%s" $path $form.path) (include "bge-reranker.found" (list $value $form.path) | fromJson).found) }}
{{- end }}
{{- range $condition := $type.conditions }}
{{- if or (not $condition.when) (include "bge-reranker.holds" (list $value $condition.when)) }}
{{- if not (include "bge-reranker.holds" (list $value $condition.then)) }}
{{ $path }}: {{ $condition.sentence }}
{{ end }}
{{- end }}
{{- end }}
{{- range $inner, $innerType := $type.inside }}
{{- range (include "bge-reranker.found" (list $value $inner) | fromJson).found }}
{{- include "bge-reranker.requirements.structure" (list (printf "%s.%s" $path $inner) . $innerType $types) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Whether an object passes a test: (list OBJECT TEST) gives `yes` or nothing. */}}
{{- define "bge-reranker.holds" -}}
{{- $object := first . }}
{{- $test := last . }}
{{- if $test.exactlyOne }}
{{- $given := list }}
{{- range $test.exactlyOne }}{{ if include "bge-reranker.given" (list $object .) }}{{ $given = append $given . }}{{ end }}{{ end }}
{{- if eq (len $given) 1 }}yes{{ end }}
{{- else if hasKey $test "given" }}
{{- if eq (include "bge-reranker.given" (list $object $test.field)) (ternary "yes" "" $test.given) }}yes{{ end }}
{{- else }}
{{- $value := first (concat (include "bge-reranker.found" (list $object $test.field) | fromJson).found (list "")) }}
{{- if hasKey $test "size" }}
{{- if eq (int $test.size) (len (default list (ternary $value list (kindIs "slice" $value)))) }}yes{{ end }}
{{- else if hasKey $test "has" }}
{{- range $test.has }}{{ if has . (default list (ternary $value list (kindIs "slice" $value))) }}yes{{ end }}{{ end }}
{{- else if has (toString $value) $test.in }}yes{{ end }}
{{- end }}
{{- end }}

{{/* Whether a field has anything in it: (list OBJECT FIELD). */}}
{{- define "bge-reranker.given" -}}
{{- range (include "bge-reranker.found" . | fromJson).found }}
{{- if or . (kindIs "bool" .) (kindIs "float64" .) }}yes{{ else if kindIs "map" . }}yes{{ end }}
{{- end }}
{{- end }}
