"""Load tests of a reranking server: `bge-reranker loadtest`.

Requests are sent by Locust, in a process of its own because it replaces Python's sockets; what is sent when, whether an
answer is right, and what the figures mean is decided here.
"""
