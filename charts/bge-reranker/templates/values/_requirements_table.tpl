{{/*
Rules of files/rules.json, which the resource has as well: relations between two values, and what a text must look like.
Each define gives one sentence a line.
*/}}

{{- define "bge-reranker.requirements.relations" -}}
{{- $rules := .Files.Get "files/rules.json" | fromJson }}
{{- $config := dict "config" (mergeOverwrite (.Files.Get "files/settings-defaults.json" | fromJson) (deepCopy (default dict .Values.config))) }}
{{- $known := get $rules.modelPairTokens (splitList "@" .Values.model.source | first) }}
{{- range $rule := $rules.relations }}
{{- $said := list }}
{{- $sides := list }}
{{- range $side := list $rule.left $rule.right }}
{{- if eq (toString $side) "modelPairTokens" }}
{{- $sides = append $sides (default 0 $known) }}
{{- $said = append $said (printf "the model's longest pair is %d" (int64 (default 0 $known))) }}
{{- else if kindIs "string" $side }}
{{- $value := default 0 (include "bge-reranker.valueAt" (list (ternary $config $.Values (hasPrefix "config." $side)) $side) | fromJson).found }}
{{- $sides = append $sides $value }}
{{- $said = append $said (printf "%s is %d" $side (int64 $value)) }}
{{- else }}
{{- $sides = append $sides $side }}
{{- end }}
{{- end }}
{{- $left := first $sides | float64 }}
{{- $right := last $sides | float64 }}
{{- $asked := true }}
{{- with $rule.when }}{{ $asked = (include "bge-reranker.valueAt" (list $.Values .) | fromJson).found }}{{ end }}
{{- if and $asked $left $right }}
{{- if not (get (dict ">=" (ge $left $right) "<=" (le $left $right) "<" (lt $left $right) "!=" (ne $left $right)) $rule.relation) }}
{{ $rule.sentence }} ({{ join ", " $said }})
{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "bge-reranker.requirements.forms" -}}
{{- $rules := .Files.Get "files/rules.json" | fromJson }}
{{- range $form := $rules.forms }}
{{- $path := $form.path | trimSuffix "[]" | trimSuffix "{}" | trimSuffix "{keys}" }}
{{- $value := (include "bge-reranker.valueAt" (list $.Values $path) | fromJson).found }}
{{- $found := list }}
{{- $says := "is" }}
{{- if hasSuffix "[]" $form.path }}{{ $found = default list $value }}{{ $says = "has" }}
{{- else if hasSuffix "{}" $form.path }}{{ range $_, $each := default dict $value }}{{ $found = append $found $each }}{{ end }}{{ $says = "has the value" }}
{{- else if hasSuffix "{keys}" $form.path }}{{ $found = keys (default dict $value) | sortAlpha }}{{ $says = "has the name" }}
{{- else if kindIs "string" $value }}{{ $found = list $value }}
{{- end }}
{{- range $found }}
{{- if not (regexMatch $form.pattern .) }}
{{ $path }} {{ if $form.isSecret }}is wrong{{ else }}{{ $says }} {{ quote . }}{{ end }}; {{ $form.sentence }}
{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{/* What is at a path: (list VALUES "a.b.c") gives {"found": VALUE}. */}}
{{- define "bge-reranker.valueAt" -}}
{{- $place := dict "found" (first .) -}}
{{- range splitList "." (last .) -}}
{{- $inside := get $place "found" -}}
{{- $_ := set $place "found" (ternary (get (ternary $inside dict (kindIs "map" $inside)) .) false (kindIs "map" $inside)) -}}
{{- end -}}
{{- toJson $place -}}
{{- end }}
