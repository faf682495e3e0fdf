"""The operator against a real API server: one that is not well, people, rivals and programs that are not kind, and that
Helm and the operator make the same objects.

Needs the control plane's programs (`make cluster-tools`) and etcd; no node, no root.
"""
