"""HTTP: one module per dialect, dispatch between them, health, and errors as responses."""
