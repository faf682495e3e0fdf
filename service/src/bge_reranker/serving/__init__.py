"""The life of the server process: what it serves, whether it is ready, its listeners and how it ends."""
