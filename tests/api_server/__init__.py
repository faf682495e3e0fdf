"""The operator against a real API server: one that is not well, people, rivals and programs that are not kind, and the
parity of the two doors.

Needs the control plane's programs (`make cluster-tools`) and etcd; no node, no root.
"""
