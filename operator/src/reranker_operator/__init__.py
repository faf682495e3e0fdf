"""The operator: turns a `Reranker` resource into the chart's workload.

What belongs here: rendering, adopting, applying, pruning and observing. What must not: anything of the scorer's
package; the operator's image never holds torch.
"""
