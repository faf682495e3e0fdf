"""Long proofs, `make e2e-long NAME=...`: one module each, whose figures go to docs/measurements/."""
