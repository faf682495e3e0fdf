"""The engine: properties of its core without threads, then the threads."""
