"""The operator with a fleet, on a control plane of its own with played nodes; behind `make bench-operator`."""
