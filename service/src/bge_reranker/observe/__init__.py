"""What the server tells about itself: metrics, structured logs, build information. Never the text of a document."""
