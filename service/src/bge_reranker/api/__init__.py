"""HTTP: one module per dialect, dispatch between them, health, and errors as responses.

What belongs here: shapes of requests and replies. What must not: scoring, queues, torch.
"""
