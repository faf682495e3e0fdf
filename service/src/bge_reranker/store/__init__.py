"""The model store: where a model's files lie, what they are and how they are named by digest.

What belongs here: paths, manifests, hashes. What must not: torch, HTTP of ours, tokens.
"""
