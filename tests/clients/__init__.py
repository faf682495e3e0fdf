"""Other people's client libraries against a live server, each in an environment of its own that a lock describes."""
