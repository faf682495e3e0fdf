"""Scores that are known already: looked up before a request is queued, in this process and in a Redis."""
