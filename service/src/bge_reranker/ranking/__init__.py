"""From a query and documents to an order: the one path that HTTP, the command line and Python callers share.

What belongs here: the request and its ranking as plain data, and the steps between them. What must not: HTTP shapes,
torch, the choice of a model.
"""
