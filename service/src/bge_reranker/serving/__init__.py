"""The life of the server process: what it serves, whether it is ready, its listeners and how it ends.

What belongs here: state, sockets, signals, draining. What must not: shapes of requests, torch.
"""
