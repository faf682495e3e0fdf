{{/*
What KEDA asks Prometheus. A query that finds nothing is an error there, and never a load of 0.
*/}}

{{/* The series of this release's own pods: the ServiceMonitor gives them the label `reranker`. */}}
{{- define "bge-reranker.ownSeries" -}}
{{- printf "namespace=%q,reranker=%q" .Release.Namespace (include "bge-reranker.name" .) -}}
{{- end }}

{{/* The backlog of all pods, without what is older than a minute: Prometheus would repeat a last value for five. */}}
{{- define "bge-reranker.backlogQuery" -}}
{{- $series := printf "%s{%s}" .Values.autoscaling.backlogSeconds.metric (include "bge-reranker.ownSeries" .) -}}
{{- $query := printf "sum(%s and time() - timestamp(%s) < 60)" $series $series -}}
{{- if and (eq (int .Values.autoscaling.minReplicas) 0) .Values.autoscaling.keda.outsideQuery -}}
{{- /* Without a pod there is no backlog: 0, as long as Prometheus sees what is in front of the pods. */ -}}
{{- /* On a line of its own, since it may end with a comment. */ -}}
{{- printf "%s or sum(0 * (%s\n))" $query .Values.autoscaling.keda.outsideQuery -}}
{{- else -}}
{{- $query -}}
{{- end -}}
{{- end }}

{{/* The GPUs of all pods; the adapter's two names stand for the series that the recording rules make. */}}
{{- define "bge-reranker.gpuQuery" -}}
{{- $recorded := dict "bge_reranker_gpu_engine_active" "bge_reranker:gpu_engine_active:avg1m" "bge_reranker_gpu_utilization" "bge_reranker:gpu_utilization:avg1m" -}}
{{- $metric := default .Values.autoscaling.gpu.metric (get $recorded .Values.autoscaling.gpu.metric) -}}
{{- printf "sum(%s{%s})" $metric (include "bge-reranker.ownSeries" .) -}}
{{- if and (eq (int .Values.autoscaling.minReplicas) 0) .Values.autoscaling.keda.outsideQuery -}}
{{- printf " or sum(0 * (%s\n))" .Values.autoscaling.keda.outsideQuery -}}
{{- end -}}
{{- end }}

{{/* One trigger: (list ROOT QUERY TARGET). */}}
{{- define "bge-reranker.prometheusTrigger" -}}
- type: prometheus
  metricType: AverageValue
  metadata:
    serverAddress: {{ (first .).Values.autoscaling.keda.serverAddress | quote }}
    query: {{ index . 1 | quote }}
    threshold: {{ include "bge-reranker.amount" (last .) | quote }}
    ignoreNullValues: "false"
{{- end }}
