"""A real Kubernetes cluster of two nodes on one Linux machine: `make cluster-up`. See docs/cluster.md."""
