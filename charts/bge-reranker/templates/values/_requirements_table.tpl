{{/*
Rules of files/rules.json, which the resource has as well: what a setting may be, relations between two values, and what a
text must look like. Each define gives one sentence a line.
*/}}

{{- define "bge-reranker.requirements.bounds" -}}
{{- range $bound := (.Files.Get "files/rules.json" | fromJson).bounds }}
{{- range $value := (include "bge-reranker.found" (list $.Values $bound.path) | fromJson).found }}
{{- if not (include "bge-reranker.within" (list $bound $value)) }}
{{- $shown := toRawJson $value }}
{{- $isHidden := or (ge (len $shown) 1024) (and (hasKey $bound "hidden") (regexMatch (default "" $bound.hidden) (toString $value))) }}
{{ $bound.path }} is {{ ternary "wrong" $shown $isHidden }}; {{ $bound.sentence }}
{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Whether a setting may have a value, whose type is the schema's to judge: (list BOUND VALUE) gives `yes` or nothing. */}}
{{- define "bge-reranker.within" -}}
{{- $bound := first . }}
{{- $value := last . }}
{{- $tests := list }}
{{- if kindIs "string" $value }}
{{- /* Characters, where `len` would count bytes. */}}
{{- $length := splitList "" $value | len }}
{{- with $bound.minLength }}{{ $tests = append $tests (ge $length (int .)) }}{{ end }}
{{- with $bound.maxLength }}{{ $tests = append $tests (le $length (int .)) }}{{ end }}
{{- with $bound.pattern }}{{ $tests = append $tests (regexMatch . $value) }}{{ end }}
{{- with $bound.enum }}{{ $tests = append $tests (has (lower $value) .) }}{{ end }}
{{- else }}
{{- $number := float64 $value }}
{{- if hasKey $bound "minimum" }}{{ $tests = append $tests (ge $number $bound.minimum) }}{{ end }}
{{- if hasKey $bound "exclusiveMinimum" }}{{ $tests = append $tests (gt $number $bound.exclusiveMinimum) }}{{ end }}
{{- if hasKey $bound "maximum" }}{{ $tests = append $tests (le $number $bound.maximum) }}{{ end }}
{{- end }}
{{- if not (has false $tests) }}yes{{ end }}
{{- end }}

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

{{- define "bge-reranker.requirements.combinations" -}}
{{- $rules := .Files.Get "files/rules.json" | fromJson }}
{{- range $rule := $rules.combinations }}
{{- $others := list }}
{{- range $rule.others }}{{ $others = append $others (include "bge-reranker.isTrue" (list $.Values .)) }}{{ end }}
{{- if and (include "bge-reranker.isTrue" (list $.Values $rule.when)) (eq (has "yes" $others) (eq $rule.relation "excludes")) }}
{{ $rule.sentence }}
{{ end }}
{{- end }}
{{- range $rule := $rules.distinct }}
{{- $names := list }}
{{- range (include "bge-reranker.found" (list $.Values (printf "%s[].%s" $rule.path $rule.by)) | fromJson).found }}{{ $names = append $names . }}{{ end }}
{{- with include "bge-reranker.duplicates" $names }}
{{ $rule.sentence }} ({{ . }})
{{ end }}
{{- end }}
{{- end }}

{{/* Whether a fact of files/rules.json is true: (list VALUES FACT) gives `yes` or nothing. */}}
{{- define "bge-reranker.isTrue" -}}
{{- $fact := last . -}}
{{- $true := false -}}
{{- range $value := (include "bge-reranker.found" (list (first .) $fact.path) | fromJson).found -}}
{{- if $fact.pattern -}}{{- $true = regexMatch $fact.pattern (toString $value) -}}
{{- else -}}{{- $true = or (kindIs "float64" $value) (not (empty $value)) -}}
{{- end -}}
{{- end -}}
{{- if $true }}yes{{ end -}}
{{- end }}

{{- define "bge-reranker.requirements.forms" -}}
{{- $rules := .Files.Get "files/rules.json" | fromJson }}
{{- range $form := $rules.forms }}
{{- include "bge-reranker.requirements.form" (list $form $form.path (include "bge-reranker.found" (list $.Values $form.path) | fromJson).found) }}
{{- end }}
{{- end }}

{{/* The texts of one place: (list FORM PATH VALUES). Numbers have bounds in the schema. */}}
{{- define "bge-reranker.requirements.form" -}}
{{- $form := first . }}
{{- $path := index . 1 }}
{{- $says := "is" }}
{{- if hasSuffix "[]" $path }}{{ $says = "has" }}{{ end }}
{{- if hasSuffix "{}" $path }}{{ $says = "has the value" }}{{ end }}
{{- if hasSuffix "{keys}" $path }}{{ $says = "has the name" }}{{ end }}
{{- range $text := last . }}
{{- if kindIs "string" $text }}
{{- $fits := true }}
{{- range $form.patterns }}{{ $fits = and $fits (regexMatch . $text) }}{{ end }}
{{- if not $fits }}
{{ $path | trimSuffix "[]" | trimSuffix "{}" | trimSuffix "{keys}" }} {{ if or $form.isSecret (and (hasKey $form "hidden") (regexMatch (default "" $form.hidden) $text)) }}is wrong{{ else }}{{ $says }} {{ quote $text }}{{ end }}; {{ $form.sentence }}
{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{/*
What is at a path: (list VALUES "a.b[].c") gives {"found": [...]}, all members of a list with `[]`, all values of a map with
`{}`, all its keys with `{keys}`; what is missing or null is not found.
*/}}
{{- define "bge-reranker.found" -}}
{{- $found := list (first .) -}}
{{- range $step := splitList "." (last .) -}}
{{- $name := $step | trimSuffix "[]" | trimSuffix "{}" | trimSuffix "{keys}" -}}
{{- $inside := list -}}
{{- range $each := $found -}}
{{- $value := index (ternary $each dict (kindIs "map" $each)) $name -}}
{{- if kindIs "invalid" $value -}}
{{- else if eq $name $step -}}{{- $inside = append $inside $value -}}
{{- else if kindIs "slice" $value -}}{{- $inside = concat $inside $value -}}
{{- else if and (kindIs "map" $value) (hasSuffix "{keys}" $step) -}}{{- $inside = concat $inside (keys $value | sortAlpha) -}}
{{- else if kindIs "map" $value -}}{{- range $key := keys $value | sortAlpha -}}{{- $inside = append $inside (index $value $key) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $found = $inside -}}
{{- end -}}
{{- toJson (dict "found" $found) -}}
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
