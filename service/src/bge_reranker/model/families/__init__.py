"""Networks that are computed over packed tokens."""
