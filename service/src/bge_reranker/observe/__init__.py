"""Metrics, structured logs and build information of the server. Never the text of a document."""
