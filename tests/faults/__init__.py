"""The operator against a real API server that is not well, and against people, rivals and programs that are not kind.

Needs the control plane's programs (`make cluster-tools`) and etcd; no node, no root.
"""
