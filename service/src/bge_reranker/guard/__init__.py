"""Authentication: the API keys of callers."""
