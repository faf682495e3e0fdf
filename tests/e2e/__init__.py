"""End-to-end tests against a real cluster: `make e2e` on one of its own, `make e2e CONTEXT=...` on a named one."""
