"""The operator: turns a `Reranker` resource into the chart's workload, and keeps it so."""
