"""The engine: admission, the token-budget queue and the worker that feeds a scorer.

What belongs here: who is scored when, and what happens when that fails. What must not: torch, FastAPI, text. Time is
always an argument or an injected clock, so that every rule can be tested without waiting.
"""
