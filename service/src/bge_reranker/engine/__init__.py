"""The engine: admission, the token-budget queue and the worker that feeds a scorer.

It knows neither torch nor FastAPI nor text. Time is always an argument or an injected clock, so that every rule can be
tested without waiting.
"""
